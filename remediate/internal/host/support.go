package host

import (
	"slices"
	"strings"
	"time"

	"github.com/bulwark-project/bulwark/remediate/internal/execstart"
)

// supportEnd is when support of this release ends, nanoseconds since the epoch:
// SUPPORT_END of os-release(5), else what the package distro-info-data has. 0
// if neither tells.
func (r *Reader) supportEnd() int64 {
	release := r.osReleaseVars()
	if end := endOfDay(release["SUPPORT_END"].Value); end != 0 {
		return end
	}
	id := release["ID"].Value
	if id != "debian" && id != "ubuntu" {
		return 0
	}
	f, err := r.File("/usr/share/distro-info/" + id + ".csv")
	if err != nil {
		return 0
	}
	return parseDistroInfo(string(f.Content), release["VERSION_CODENAME"].Value)
}

// osReleaseVars are the variables of os-release(5). On most distributions
// /etc/os-release is a link, which File does not follow, so its target is read
// first.
func (r *Reader) osReleaseVars() map[string]execstart.Var {
	for _, path := range []string{"/usr/lib/os-release", "/etc/os-release"} {
		f, err := r.File(path)
		if err != nil || f.Content == nil {
			continue
		}
		env := map[string]execstart.Var{}
		execstart.ParseEnvFile(f.Content, path, env)
		return env
	}
	return nil
}

// supported are the columns of what comes without a contract: the release's
// own support, and Debian's LTS. eol-elts and eol-esm are sold.
var supported = []string{"eol", "eol-lts"}

// parseDistroInfo finds the last day of support of a release by its code name.
func parseDistroInfo(csv, series string) int64 {
	heading, rest, _ := strings.Cut(csv, "\n")
	columns := strings.Split(strings.TrimSpace(heading), ",")
	at := slices.Index(columns, "series")
	if at < 0 || series == "" {
		return 0
	}
	for line := range strings.Lines(rest) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if at >= len(f) || f[at] != series {
			continue
		}
		var end int64
		for _, name := range supported {
			if i := slices.Index(columns, name); i >= 0 && i < len(f) {
				end = max(end, endOfDay(f[i]))
			}
		}
		return end
	}
	return 0
}

// endOfDay is the first instant after a day, "2028-06-30"; 0 if it is none.
func endOfDay(day string) int64 {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0
	}
	return t.AddDate(0, 0, 1).UnixNano()
}
