package inside

var (
	Gateway4 = gateway4
	Gateway6 = gateway6
	Little   = little
)
