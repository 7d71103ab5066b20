// Package archtest holds tests about the source tree itself: who may import
// whom, that there is no hidden state, that what is exported is explained, that
// no plug is missing from its list, and that the documents name things that
// exist.
//
// Each rule is a pure function from the tree to a list of problems, tried on a
// small broken tree before it judges the real one. A problem says what to fix.
// The package holds nothing but tests, and nothing may import it.
package archtest
