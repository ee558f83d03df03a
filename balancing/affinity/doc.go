// Package affinity keeps clients on their backends without keeping anything of the clients: a session is a signed cookie, or the hash of what a
// client is recognized by. It is pure: keys, names and random numbers are passed in. Nothing here allocates on the path of a request.
package affinity
