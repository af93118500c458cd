package cli

// Failure is the JSON form of an error.
type Failure = failure
