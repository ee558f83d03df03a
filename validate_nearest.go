package headroom

import "strings"

// Nearest returns the known name that a mistyped one most likely means, or "" where none is near. Letter case, dashes
// and underscores do not count, so "min_replicas" finds "minReplicas"; other than that at most one edit (insertion,
// deletion, replacement or swap of neighbors) for every three letters, and at most three, is taken as a slip.
func Nearest(name string, known []string) string {
	const longest = 128 // names are shorter; longer text is not a slip of the keyboard, and the table would be large
	plain := plainName(name)
	if plain == "" || len(plain) > longest {
		return ""
	}
	best, bestDistance := "", min(3, max(1, len(plain)/3))+1
	for _, candidate := range known {
		if distance := editDistance(plain, plainName(candidate)); distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

func plainName(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(name), "-", ""), "_", "")
}

// editDistance is the optimal string alignment distance of Damerau and Levenshtein, in bytes.
func editDistance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
