// Package script tells stories of the whole command line: each file in testdata
// is one, with real processes, real files and real requests. What they share is
// in the commands of this package's tests.
//
// It must never reach into the product: a story sees what its users see.
package script
