package host

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func gz(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const dpkgSample = `Package: adduser
Status: install ok installed
Version: 3.134

Package: docker.io
Status: install ok installed
Priority: optional
Description: Linux container runtime
 Version: not this one
Version: 20.10.24+dfsg1-1+deb12u1

Package: runc
Status: hold ok installed
Version: 1.1.5+ds1-1+deb12u1

Package: containerd
Status: deinstall ok config-files
Version: 1.6.20~ds1-1+deb12u3

Package: docker
Status: install ok installed
Version: 1.5-2

Package: unattended-upgrades
Status: install ok installed
Version: 2.9.1

Package: docker-ce
Status: install ok
`

func TestParseDpkgStatus(t *testing.T) {
	want := map[string]string{"docker.io": "20.10.24+dfsg1-1+deb12u1", "runc": "1.1.5+ds1-1+deb12u1", "unattended-upgrades": "2.9.1"}
	if got := parseDpkgStatus(dpkgSample); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := parseDpkgStatus(""); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestParsePolicy(t *testing.T) {
	got := parsePolicy(`docker.io:
  Installed: 20.10.24+dfsg1-1+deb12u1
  Candidate: 20.10.24+dfsg1-1+deb12u2
  Version table:
     20.10.24+dfsg1-1+deb12u2 500
        500 http://archive.example.com/debian bookworm/main amd64 Packages
docker-ce:
  Installed: (none)
  Candidate: (none)
  Version table:
`)
	if want := map[string]string{"docker.io": "20.10.24+dfsg1-1+deb12u2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestParseAptConf(t *testing.T) {
	for text, want := range map[string]string{
		`APT::Periodic::Unattended-Upgrade "1";`:                                              "1",
		"// APT::Periodic::Unattended-Upgrade \"1\";\n":                                       "",
		"/* APT::Periodic::Unattended-Upgrade \"1\"; */":                                      "",
		"# x\nAPT::Periodic::Unattended-Upgrade \"0\";\napt::periodic::UNATTENDED-upgrade 7;": "7",
		`APT { Periodic { Unattended-Upgrade "1"; Other "x"; }; }; Dir "/";`:                  "1",
		`APT { Periodic { X { a "b"; }; }; }; Unattended-Upgrade "1";`:                        "",
		`APT::Periodic::Unattended-Upgrade "1`:                                                "",
		`} } APT::Periodic::Unattended-Upgrade "1"; {`:                                        "1",
	} {
		conf := map[string]string{}
		parseAptConf(text, conf)
		if got := conf["apt::periodic::unattended-upgrade"]; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestCVEs(t *testing.T) {
	text := "  * CVE-2024-21626: fds\n  * CVE-2019-5736, CVE-2024-21626 (Closes: #1)\n  * XCVE-2020-1234 CVE-20-1 CVE-2020-123 cve-2020-1111\n"
	if got := cveIDs([]byte(text)); !slices.Equal(got, []string{"CVE-2019-5736", "CVE-2024-21626"}) {
		t.Errorf("%q", got)
	}
	if got := cveIDs(nil); got == nil || len(got) != 0 {
		t.Errorf("%v", got)
	}
	bomb, err := gunzip([]byte(gz(t, strings.Repeat("\x00", maxChangelog+1))))
	if err != nil || len(bomb) != maxChangelog {
		t.Errorf("%d bytes, %v", len(bomb), err)
	}
	if _, err := gunzip([]byte("plain")); err == nil {
		t.Error("what is not packed was unpacked")
	}
}

func TestDistroInfo(t *testing.T) {
	const debian = "version,codename,series,created,release,eol,eol-lts,eol-elts\n11,Bullseye,bullseye,2019-07-06,2021-08-14,2024-08-14,2026-08-31,2031-06-30\n14,Forky,forky,2025-08-09\n,Sid,sid,1993-08-16\n"
	const ubuntu = "version,codename,series,created,release,eol,eol-server,eol-esm\n22.04 LTS,Jammy Jellyfish,jammy,2021-10-14,2022-04-21,2027-06-01,2027-06-01,2032-04-09\n"
	for _, tt := range []struct{ csv, series, want string }{
		{debian, "bullseye", "2026-09-01"},
		{debian, "forky", ""},
		{debian, "sid", ""},
		{debian, "none", ""},
		{debian, "", ""},
		{ubuntu, "jammy", "2027-06-02"},
		{"", "jammy", ""},
		{"series\njammy\n", "jammy", ""},
		{"series,eol\njammy,soon\n", "jammy", ""},
	} {
		got := ""
		if ns := parseDistroInfo(tt.csv, tt.series); ns != 0 {
			got = time.Unix(0, ns).UTC().Format(time.DateOnly)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.series, got, tt.want)
		}
	}
}

func TestVersionSaid(t *testing.T) {
	for said, want := range map[string]string{
		"runc version 1.1.5+ds1\ncommit: 1\n":                                           "1.1.5+ds1",
		"containerd github.com/containerd/containerd v1.7.27 05044ec\n":                 "1.7.27",
		"containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7\n":               "2.1.4",
		"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n": "1.6.20~ds1",
		"": "", "runc version unknown": "", "a b v": "",
	} {
		if got := versionSaid(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}

func TestParseRPM(t *testing.T) {
	got := parseRPM("docker-ce\t3:24.0.7-1.el9\nrunc\t1.1.12-1.el9\nodd\n")
	if want := map[string]string{"docker-ce": "3:24.0.7-1.el9", "runc": "1.1.12-1.el9"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	for conf, want := range map[string]bool{"[commands]\napply_updates = yes\n": true, "apply_updates=no": false, "# apply_updates = yes": false, "": false} {
		if got := appliesUpdates(conf); got != want {
			t.Errorf("%q: %v", conf, got)
		}
	}
}

// TestPackagesOfImage reads what lies in an image; nothing there is run.
func TestPackagesOfImage(t *testing.T) {
	r := imageOf(t, map[string]string{
		"var/lib/dpkg/status": dpkgSample, "usr/share/doc/docker.io/changelog.Debian.gz": gz(t, "* CVE-2024-41110\n"), "usr/share/doc/runc": "->docker.io",
		"etc/apt/apt.conf.d/20auto-upgrades": `APT::Periodic::Unattended-Upgrade "1";`, "etc/apt/apt.conf.d/50off.disabled": `APT::Periodic::Unattended-Upgrade "0";`,
		"etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer":        "->/lib/systemd/system/apt-daily-upgrade.timer",
		"var/lib/apt/lists/archive.example.com_debian_dists_bookworm_InRelease": "x",
		"usr/lib/os-release": "ID=debian\nVERSION_CODENAME=bookworm\n", "usr/share/distro-info/debian.csv": "series,eol\nbookworm,2026-07-11\n",
	})
	p, err := r.readPackages(t.Context(), func() processes { panic("an image has no processes") })
	if err != nil || p.Manager != "dpkg" || p.Automatic != unattended || p.ListsNS == 0 || p.SupportEndNS == 0 || len(p.Installed) != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	d, c := p.Installed[0], p.Installed[1]
	if d.Name != "docker.io" || d.Program != "dockerd" || c.Name != "runc" || !slices.Equal(d.Fixes, []string{"CVE-2024-41110"}) || !slices.Equal(c.Fixes, d.Fixes) {
		t.Errorf("%+v", p.Installed)
	}
	if _, err := imageOf(t, nil).readPackages(t.Context(), nil); err == nil {
		t.Error("no database is known")
	}
}

func FuzzInventory(f *testing.F) {
	f.Add(dpkgSample)
	f.Add(`APT { Periodic { Unattended-Upgrade "1"; }; }; /* // # "`)
	f.Add("series,eol\nbookworm,2026-07-11\n")
	f.Add("docker.io:\n  Candidate: 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		for name, version := range parseDpkgStatus(text) {
			if version == "" || packagesOf(name, version) == nil && name != unattended {
				t.Errorf("%q %q", name, version)
			}
		}
		parseAptConf(text, map[string]string{})
		parsePolicy(text)
		parseRPM(text)
		parseDistroInfo(text, "bookworm")
		if !slices.IsSorted(cveIDs([]byte(text))) {
			t.Error("not sorted")
		}
		_, _ = gunzip([]byte(text))
		versionSaid(text)
	})
}
