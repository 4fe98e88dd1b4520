"""The running application: two doors, HTTP and the clock, into the same rooms."""
