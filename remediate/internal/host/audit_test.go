package host_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate/internal/fsys"
	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// image makes files, and links from "name -> target".
func image(t *testing.T, files map[string]string) *host.Reader {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name, to, link := strings.Cut(name, " -> ")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		err := error(nil)
		if link {
			err = os.Symlink(to, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := fsys.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return host.NewReader(dir, root, "")
}

// TestAuditOfImage: of an image the files are known, in the order of augenrules,
// links followed as cat follows them; nothing is asked of this machine.
func TestAuditOfImage(t *testing.T) {
	r := image(t, map[string]string{
		"/etc/audit/rules.d/audit.rules":                     "-D\n",
		"/etc/audit/rules.d/60-bulwark.rules":                "-w /etc/docker/ -p wa -k bulwark-config\n",
		"/etc/audit/rules.d/9.rules -> ../site":              "",
		"/etc/audit/rules.d/7.rules -> /nowhere":             "",
		"/etc/audit/rules.d/README":                          "no rules",
		"/etc/audit/site":                                    "-w /var/run/docker.sock -p wa\n-w /no/such -p wa\n-w /usr/bin/runc\n",
		"/etc/audit/audit.rules":                             "## old\n",
		"/etc/docker/daemon.json":                            "{}",
		"/run/docker.sock":                                   "",
		"/var/run -> /run":                                   "",
		"/usr/bin/runc -> /usr/sbin/runc":                    "",
		"/usr/sbin/runc":                                     "",
		"/usr/sbin/auditctl":                                 "",
		"/usr/sbin/augenrules":                               "",
		"/usr/bin/dnf -> dnf-3":                              "",
		"/usr/bin/dnf-3":                                     "",
		"/usr/bin/awk -> /etc/alternatives/awk":              "",
		"/etc/alternatives/awk -> /usr/bin/gawk":             "",
		"/usr/bin/gawk":                                      "",
		"/etc/systemd/journald.conf.d/60-bulwark-audit.conf": "[Journal]\n",
	})
	a, err := r.Audit(context.Background(), []string{"/etc/docker", "/var/lib/docker", "/unclean/../x"})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range a.Files {
		files = append(files, filepath.Base(f.Path)+" "+string(f.Print.Type))
	}
	if d := cmp.Diff([]string{"7.rules symlink", "9.rules symlink", "60-bulwark.rules file", "audit.rules file"}, files); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !strings.HasPrefix(string(a.Files[1].Content), "-w /var/run") || a.Files[0].Content != nil {
		t.Errorf("through links: %q, %q", a.Files[0].Content, a.Files[1].Content)
	}
	if string(a.Own.Content) != "-w /etc/docker/ -p wa -k bulwark-config\n" || string(a.Compiled.Content) != "## old\n" || a.Tmpfiles.Print.Exists() || !a.Journald.Print.Exists() {
		t.Errorf("own %q, compiled %q", a.Own.Content, a.Compiled.Content)
	}
	want := map[string]resource.AuditPath{
		"/etc/docker":          {Real: "/etc/docker", Type: resource.Dir, Parent: true},
		"/var/lib/docker":      {Type: resource.Absent},
		"/var/run/docker.sock": {Real: "/run/docker.sock", Type: resource.Regular, Parent: true},
		"/no/such":             {Type: resource.Absent},
		"/usr/bin/runc":        {Real: "/usr/sbin/runc", Type: resource.Regular, Link: true, Parent: true},
	}
	if d := cmp.Diff(want, a.Paths); d != "" {
		t.Errorf("paths %v (-want +got):\n%s", slices.Sorted(maps.Keys(a.Paths)), d)
	}
	if a.Auditctl != "/usr/sbin/auditctl" || a.Augenrules != "/usr/sbin/augenrules" || a.Awk != "gawk" || a.Installer != "dnf" || a.Version != "" {
		t.Errorf("%q %q %q %q %q", a.Auditctl, a.Augenrules, a.Awk, a.Installer, a.Version)
	}
	if a.Kernel.Unknown != "--root is an image: nothing runs there" || a.Unit.Unknown != a.Kernel.Unknown {
		t.Errorf("%q, %q", a.Kernel.Unknown, a.Unit.Unknown)
	}
}

// TestAuditOfEmptyImage: without the folder there are no rules, which is no error.
func TestAuditOfEmptyImage(t *testing.T) {
	a, err := image(t, map[string]string{"/etc/hostname": "x"}).Audit(context.Background(), nil)
	if err != nil || len(a.Files) != 0 || a.Own.Print.Exists() || a.Auditctl != "" || a.Awk != "" || a.Installer != "" {
		t.Errorf("%+v, %v", a, err)
	}
}
