package daemonjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// judge finds out how one key stands, not yet minding the others.
func (d *diff) judge(w *wanted) {
	for _, step := range []func(*wanted) bool{d.release, d.value, d.byFlag, d.host} {
		if step(w) {
			return
		}
	}
	d.compare(w)
}

func blocked(reason, remedy string) verdict {
	return verdict{status: resource.Blocked, reason: reason, remedy: remedy, stop: true}
}

// release judges the key against the engines. Removing one is always right.
func (d *diff) release(w *wanted) bool {
	if w.Value == nil {
		return false
	}
	for _, v := range d.engines {
		p, bad := wrongRelease(w.row, v)
		if w.row.Type == "" {
			isObject := bytes.HasPrefix(bytes.TrimSpace(w.Value), []byte("{"))
			p = unknownKey(w.Key, isObject, v)
			bad = p.Severity == Refused || !beyondTable(v)
		}
		if !bad {
			continue
		}
		w.verdict = blocked(p.Text, p.Remedy)
		if !v.Known() && p.Severity == Hazard && w.row.Type != "" {
			w.status, w.remedy = resource.Unread, "run where dockerd is installed and can be asked for its version"
		}
		return true
	}
	return false
}

// value judges the policy's value by itself.
func (d *diff) value(w *wanted) bool {
	if w.Value == nil {
		return false
	}
	if _, err := parseWanted(w.Value); err != nil {
		w.verdict = blocked(fmt.Sprintf("%q: %s", w.Key, err), "correct the policy at "+w.Source)
		return true
	}
	if w.row.Type == "" {
		return false
	}
	text, remedy := typeError(w.row, w.Key, bytes.TrimSpace(w.Value))
	if text != "" {
		w.verdict = blocked("the policy's value: "+text, remedy)
	}
	return text != ""
}

// byFlag judges a key that the file does not have and a flag gives. Both
// places together are refused by dockerd, so the flag must already be right.
func (d *diff) byFlag(w *wanted) bool {
	if _, inFile := d.doc.get(w.Key); inFile {
		return false
	}
	given := flagsOf(w.Key, w.Key, d.flags)
	if len(given) == 0 {
		return false
	}
	f := given[len(given)-1]
	where := f.Origin
	if where == "" {
		where = "dockerd's command line"
	}
	have, ok := flagValue(w.row, given)
	if w.Value == nil || !ok || !agrees(w.Key, w.Value, have) {
		text := fmt.Sprintf("%q is set to %s by the flag --%s in %s", w.Key, show(w.row, have), f.Name, where)
		if !ok {
			text = fmt.Sprintf("%q is set by the flag --%s in %s", w.Key, f.Name, where)
		}
		w.verdict = blocked(text+", and dockerd refuses a key that is given twice", flagRemedy(f, where))
		return true
	}
	w.verdict = verdict{status: resource.OK, reason: fmt.Sprintf("set by the flag --%s in %s", f.Name, where)}
	if stopped(d.s) {
		return true
	}
	now, known := Effective(d.s, w.Key)
	drift := flagDrift(d.s, w.row)
	_, alive := runningFlags(d.s)
	switch {
	case known && !agrees(w.Key, w.Value, now):
		w.verdict = verdict{status: resource.Changing, reason: "pending restart: " + w.reason, wait: true}
	case !known && drift != "":
		w.verdict = verdict{status: resource.Changing, reason: "pending restart: " + w.reason + ", but " + drift, wait: true}
	case !known && !alive:
		w.verdict = verdict{status: resource.Unread, reason: w.reason + "; the command line of the running dockerd could not be read", remedy: "restart dockerd to be sure"}
	}
	return true
}

// host judges what the rest of the host forbids.
func (d *diff) host(w *wanted) bool {
	e, _ := d.s.Engine.Get()
	h, hostKnown := d.s.Host.Get()
	swarm := e.Swarm != "" && e.Swarm != "inactive"
	switch on := string(bytes.TrimSpace(w.Value)) == "true"; {
	case w.Key == "live-restore" && on && swarm:
		w.verdict = blocked("live-restore is incompatible with swarm mode, and this host is in a swarm ("+e.Swarm+"): dockerd would not start",
			"leave the swarm, or leave live-restore out of the policy")
	case w.Key == "selinux-enabled" && on && hostKnown && len(h.LSM) > 0 && !slices.Contains(h.LSM, "selinux"):
		w.verdict = blocked("SELinux is not active on this host", "enable SELinux, or leave selinux-enabled out of the policy")
	case w.Key == "default-ulimits":
		return d.nofile(w)
	case w.Key == "log-opts":
		return d.otherDriver(w)
	default:
		return false
	}
	return true
}

// otherDriver blocks log options of a policy that names no driver where the
// host has one that is not file-based: they would keep dockerd from starting,
// and naming json-file would take the logs from where the admin sends them.
func (d *diff) otherDriver(w *wanted) bool {
	if w.Value == nil || slices.ContainsFunc(d.keys, func(x wanted) bool { return x.Key == "log-driver" }) {
		return false
	}
	driver := "json-file"
	row, _ := Lookup("log-driver")
	for _, raw := range []func() (json.RawMessage, bool){
		func() (json.RawMessage, bool) { return d.doc.get("log-driver") },
		func() (json.RawMessage, bool) { return valueOf(row, flagsOf("log-driver", "log-driver", d.flags)) },
	} {
		if v, ok := raw(); ok && json.Unmarshal(v, &driver) == nil && driver != "" {
			break
		}
	}
	if driver == "json-file" || driver == "local" || driver == "" {
		return false
	}
	w.verdict = blocked("this host logs by "+driver+", and the policy's options are for json-file; the driver is left as it is",
		"name log-driver and its options in a policy of your own, or say unmanaged: [daemon.log-opts]")
	return true
}

// nofile blocks a limit of open files beyond what dockerd can give: every
// container would fail to start ("error setting rlimit type 7").
func (d *diff) nofile(w *wanted) bool {
	p, _ := d.s.Process.Get()
	var limits map[string]struct{ Hard, Soft int64 }
	if p.NofileHard == 0 || json.Unmarshal(w.Value, &limits) != nil {
		return false
	}
	l, ok := limits["nofile"]
	if most := int64(p.NofileHard); !ok || l.Hard >= 0 && l.Hard <= most && l.Soft <= most {
		return false
	}
	w.verdict = blocked(
		fmt.Sprintf("dockerd's own limit of open files is %d and it may not raise it: containers could not start", p.NofileHard),
		fmt.Sprintf("set default-ulimits.nofile to at most %d in the policy, or raise LimitNOFILE of docker.service and containerd.service", p.NofileHard),
	)
	return true
}

// compare judges the file, then the daemon.
func (d *diff) compare(w *wanted) {
	edited, err := Edit(d.file.Content, []resource.DaemonKey{w.DaemonKey})
	if err != nil { // the form of the file: settle blocks all
		w.verdict = blocked(err.Error(), "")
		return
	}
	have, _ := d.doc.get(w.Key)
	if !bytes.Equal(edited, d.file.Content) {
		w.verdict = verdict{status: resource.Changing, write: true}
		w.reason = fmt.Sprintf("%s: %s → %s", w.Key, show(w.row, have), show(w.row, w.Value))
		return
	}
	if stopped(d.s) {
		w.verdict = verdict{status: resource.OK, reason: "dockerd does not run and reads the file at its next start"}
		return
	}
	switch r, why := read(d.s, w.row, have); r {
	case taken:
		w.verdict = d.enforced(w)
	case waiting:
		w.verdict = verdict{status: resource.Changing, wait: true, reason: w.Key + ": the file is right, dockerd has not taken it up: " + why}
	case ignored:
		w.verdict = verdict{
			status: resource.Manual, reason: w.Key + ": the file is right and dockerd has read it, but " + why,
			remedy: "look at dockerd's log for the reason",
		}
	default:
		w.verdict = verdict{status: resource.Unread, reason: w.Key + ": the file is right; " + why, remedy: "restart dockerd to be sure"}
	}
}

// enforced judges whether what dockerd works with also holds in the kernel: it
// separates containers of one bridge by iptables, which sees their packets only
// with br_netfilter.
func (d *diff) enforced(w *wanted) verdict {
	h, _ := d.s.Host.Get()
	if w.Key != "icc" || string(bytes.TrimSpace(w.Value)) != "false" || h.BridgeNF != "0" && h.BridgeNF != "absent" {
		return verdict{status: resource.OK}
	}
	return verdict{
		status: resource.Manual,
		reason: "icc: dockerd works with false, but the kernel does not enforce it: net.bridge.bridge-nf-call-iptables is " + h.BridgeNF,
		remedy: "load br_netfilter and set net.bridge.bridge-nf-call-iptables=1, now and in /etc/modules-load.d and /etc/sysctl.d",
	}
}

// stopped reports whether dockerd is known not to run: by systemd, or because
// the root is an image.
func stopped(s *resource.Snapshot) bool {
	if s.Root != "" && s.Root != "/" {
		return true
	}
	u, known := s.Unit.Get()
	_, asked := s.Engine.Get()
	_, process := s.Process.Get()
	return !asked && !process && known && slices.Contains([]string{"inactive", "failed"}, u.ActiveState)
}
