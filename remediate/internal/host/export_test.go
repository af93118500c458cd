package host

// Readers of single parts of a survey, for tests that need no more.
var (
	ReadImages = (*Reader).readImages
	ReadSwarm  = (*Reader).readSwarm
)
