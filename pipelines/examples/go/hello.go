// Package hello greets.
package hello

// Greeting greets whom it is given.
func Greeting(name string) string {
	return "hello, " + name
}
