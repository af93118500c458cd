package control

import (
	"strconv"
	"strings"
)

// Numbers maps a version of the CIS Docker Benchmark to numbers there.
type Numbers map[string][]string

// Versions of the benchmark whose numbers are kept. 1.6 and 1.7 have the same
// 117; 1.8 has one more, 2.7, and what was 2.7 to 2.18 is one higher.
var versions = []string{"1.6", "1.7", "1.8"}

// cis takes the numbers of 1.6.
func cis(numbers ...string) Numbers {
	n := Numbers{}
	for _, number := range numbers {
		n["1.6"] = append(n["1.6"], number)
		n["1.7"] = append(n["1.7"], number)
		n["1.8"] = append(n["1.8"], in18(number))
	}
	return n
}

// since18 is for what only 1.8 has.
func since18(number string) Numbers { return Numbers{"1.8": {number}} }

func in18(number string) string {
	minor, ok := strings.CutPrefix(number, "2.")
	n, err := strconv.Atoi(minor)
	if !ok || err != nil || n < 7 {
		return number
	}
	return "2." + strconv.Itoa(n+1)
}
