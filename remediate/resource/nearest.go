package resource

import "strings"

// Nearest returns the candidate that s is most likely a slip of, or "".
func Nearest(s string, candidates []string) string {
	s = plainKey(s)
	if len(s) > 64 {
		return ""
	}
	best, least := "", slips(s)+1
	for _, c := range candidates {
		if diff := len(c) - len(s); diff > least || -diff > least {
			continue
		}
		if d := distance(s, plainKey(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// slips is how many slips of the pen a word of this length may hold: in a
// short one two make another word.
func slips(s string) int {
	switch {
	case len(s) >= 6:
		return 2
	case len(s) >= 3:
		return 1
	}
	return 0
}

// plainKey levels upper case and underscores.
func plainKey(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
