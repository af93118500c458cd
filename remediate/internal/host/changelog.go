package host

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxChangelog bounds what is unpacked of a changelog; the largest of ours has
// some 200 KB.
const maxChangelog = 8 << 20

// cveID is an identifier of cve.org: a year, and four digits or more.
var cveID = regexp.MustCompile(`\bCVE-[12][0-9]{3}-[0-9]{4,9}\b`)

// debianFixes are the CVE ids in a package's changelog; nil if there is none
// (dpkg's path-exclude, minimised images). Ubuntu ships the last few entries only.
func (r *Reader) debianFixes(name string) []string {
	real, what, err := r.Follow("/usr/share/doc/" + name + "/changelog.Debian.gz")
	if err != nil || what != resource.Regular {
		return nil
	}
	f, err := r.File(real)
	if err != nil {
		return nil
	}
	text, err := gunzip(f.Content)
	if err != nil {
		return nil
	}
	return cveIDs(text)
}

// gunzip returns at most maxChangelog bytes: a few bytes may unpack to
// gigabytes. Of what is longer the end, which is the oldest, is left out.
func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(io.LimitReader(z, maxChangelog))
}

// cveIDs are sorted and never nil.
func cveIDs(text []byte) []string {
	out := []string{}
	for _, id := range cveID.FindAll(text, -1) {
		out = append(out, string(id))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
