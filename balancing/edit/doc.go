// Package edit compiles what a user wrote about header fields, redirects and paths (headroom.HeaderEdits, headroom.Route) to immutable
// forms that are used for every request without allocating.
//
// # Which path is matched, and which is sent
//
// Two servers that read one path differently are how rules are passed by (CVE-2019-9901, CVE-2021-29492, CVE-2026-27587). Routes are found by
// the normal form of the path: escapes of unreserved characters are decoded ("%61" is "a"; RFC 3986 section 6.2.2.2), other escapes are
// written in upper case, dot segments are removed ("/a/../b" is "/b", "%2e%2e" as well), runs of slashes count as one, and a backslash is a
// slash. An escaped slash ("%2F") stays what it is: a character within a segment.
//
// A route that rewrites sends what it matched: its own text and the rest of the normal form. Any other route sends the path byte by byte
// as the client sent it, so that signatures over it hold. A backend that reads dot segments in another way than RFC 3986 could then be
// asked for what another route matched; routes shape traffic, they do not keep anybody out.
package edit
