// Package geo finds out where clients are, and which regions are near them: by mmdb files, which map addresses to countries or coordinates, and
// by a header that a CDN in front has set.
package geo
