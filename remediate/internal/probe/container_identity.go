package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

func identityProbes() []Probe {
	return []Probe{
		{
			ID: "userns", Title: "Root in a container is not root on the host",
			Tries: "A process of user 0 in a container makes a file on a bind mount, and the host looks whose both are.",
			Must:  "On the host neither is user 0's.",
			Shows: "The daemon remaps user ids: who breaks out as root of a container is nobody on the host.",
			Not:   "Containers with --userns=host are not remapped; that a break-out is impossible.",
			OWASP: []string{"D01"}, Wanted: wantsUserns, Limit: time.Minute, Run: userns,
		},
		{
			ID: "userns-refuses", Title: "Containers cannot leave their user namespace in silence",
			Tries: "Three containers are asked for: privileged, in the host's pid namespace, in the host's network; none with --userns=host.",
			Must:  "The daemon refuses each, because of user namespaces.",
			Shows: "What needs the host's own root must ask for it by name.",
			Not:   "That nobody asks: whoever may command the daemon may add --userns=host.",
			OWASP: []string{"D01"}, Wanted: wantsUserns, Limit: 2 * time.Minute, Run: usernsRefuses,
		},
		{
			ID: "setuid", Title: "Programs that are setuid root give no rights",
			Tries: "User 1000 of a container runs a program of the image that is setuid root.",
			Must:  "It still runs as user 1000.",
			Shows: "no-new-privileges is in effect for containers that do not ask for anything else.",
			Not:   "Containers that were made before the daemon's setting.",
			OWASP: []string{"D01", "D04"}, Wanted: stated("no-new-privileges", "true"), Limit: time.Minute, Run: setuid,
		},
	}
}

type identity struct {
	uid, file int
	mapping   string
}

func (i identity) String() string {
	return fmt.Sprintf("root in the container is user %d on the host, its file is user %d's", i.uid, i.file)
}

func userns(ctx context.Context, l Lab) Outcome {
	got, err := identify(ctx, l, "with", Box{})
	if err != nil {
		return unable("%v", err)
	}
	holds := got.uid > 0 && got.file > 0
	control, err := identify(ctx, l, "without", Box{UsernsHost: true})
	if err != nil {
		return controlFailed(holds, got.String(), err.Error(), "uid_map: "+got.mapping)
	}
	positive := "with --userns=host " + control.String()
	if control.uid != 0 || control.file != 0 {
		return controlFailed(holds, got.String(), positive, "uid_map: "+got.mapping)
	}
	return judged(holds, got.String(), positive, "uid_map: "+got.mapping, "uid_map with --userns=host: "+control.mapping)
}

// identify lets a box make a file, and stay until the host has looked at both.
func identify(ctx context.Context, l Lab, file string, b Box) (identity, error) {
	b.Attack, b.Binds = []string{"identity", "/lab/" + file}, []string{l.Dir() + ":/lab"}
	r, err := l.Start(ctx, b)
	if err != nil {
		return identity{}, err
	}
	waitErr := spoken(ctx, r)
	res, err := r.Stop(ctx)
	if waitErr != nil {
		return identity{}, waitErr
	}
	if err != nil {
		return identity{}, err
	}
	var said struct {
		Map string `json:"map"`
	}
	if err := read(res, &said); err != nil {
		return identity{}, err
	}
	owner, ok := res.Owners[file]
	if !ok || res.HostUID < 0 {
		return identity{}, errors.New("the host does not see the container's process or file")
	}
	return identity{res.HostUID, owner, shown(said.Map)}, nil
}

const glance = 20 * time.Millisecond

// spoken waits for the first line of a container.
func spoken(ctx context.Context, r Running) error {
	for len(r.Lines()) == 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the container says nothing: %w", context.Cause(ctx))
		case <-time.After(glance):
		}
	}
	return nil
}

func usernsRefuses(ctx context.Context, l Lab) Outcome {
	var refused, accepted, controls, broken, evidence []string
	for _, way := range []struct {
		name string
		box  Box
	}{
		{"privileged", Box{Privileged: true}},
		{"the host's pid namespace", Box{HostPID: true}},
		{"the host's network", Box{HostNet: true}},
	} {
		said, err := createdAt(ctx, l, way.box)
		if err != nil {
			return unable("%v", err)
		}
		way.box.UsernsHost = true
		control, err := createdAt(ctx, l, way.box)
		if err != nil {
			return unable("%v", err)
		}
		switch {
		case said == "":
			accepted = append(accepted, way.name)
		case !strings.Contains(said, "user namespaces"):
			broken = append(broken, fmt.Sprintf("%s is refused for another reason: %s", way.name, said))
		default:
			refused, evidence = append(refused, way.name), append(evidence, said)
		}
		if control != "" {
			broken = append(broken, fmt.Sprintf("%s with --userns=host is refused too: %s", way.name, control))
		} else {
			controls = append(controls, way.name)
		}
	}
	observed := "refused: " + list(refused)
	if len(accepted) > 0 {
		observed = "accepted: " + list(accepted) + "; " + observed
	}
	if len(broken) > 0 {
		return controlFailed(len(accepted) == 0, observed, list(broken), evidence...)
	}
	return judged(len(accepted) == 0, observed, "with --userns=host accepted: "+list(controls), evidence...)
}

// createdAt is what the daemon says to a box, "" if it makes one. What the runtime
// says at the start is another matter: the daemon has accepted by then.
func createdAt(ctx context.Context, l Lab, b Box) (string, error) {
	b.Attack = []string{"nothing"}
	res, err := l.Run(ctx, b)
	if err != nil || res.RefusedAt != "create" {
		return "", err
	}
	return shown(res.Refused), nil
}

func list(items []string) string {
	if len(items) == 0 {
		return "nothing"
	}
	return strings.Join(items, ", ")
}

type ids struct {
	UID  int `json:"uid"`
	EUID int `json:"euid"`
	NNP  int `json:"no_new_privs"`
}

func setuid(ctx context.Context, l Lab) Outcome {
	got, err := runSetuid(ctx, l, nil)
	if err != nil {
		return unable("%v", err)
	}
	holds, observed := got.EUID == 1000, fmt.Sprintf("a program that is setuid root runs as user %d", got.EUID)
	control, err := runSetuid(ctx, l, []string{"no-new-privileges=false"})
	if err != nil {
		return controlFailed(holds, observed, err.Error())
	}
	positive := fmt.Sprintf("with no-new-privileges=false it runs as user %d", control.EUID)
	if control.EUID != 0 {
		return controlFailed(holds, observed, positive)
	}
	return judged(holds, observed, positive, fmt.Sprintf("NoNewPrivs: %d", got.NNP))
}

func runSetuid(ctx context.Context, l Lab, opt []string) (ids, error) {
	var out ids
	res, err := l.Run(ctx, Box{Attack: []string{"setuid", "/setuid"}, User: "1000:1000", SecurityOpt: opt})
	if err == nil {
		err = read(res, &out)
	}
	return out, err
}
