package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// surveyTimeout bounds each half of what only check asks about.
const surveyTimeout = 15 * time.Second

var errStopped = errors.New("docker is not running")

// Survey reads what only check asks about, all at once. A daemon that does not
// run is not asked: that would start it.
func (r *Reader) Survey(ctx context.Context, want resource.SurveyWant) resource.Survey {
	return r.StartSurvey(ctx)(want)
}

// StartSurvey begins with what the host tells without its daemon, some of it
// by programs that take their time. What it returns reads the rest, and waits
// for both halves.
func (r *Reader) StartSurvey(ctx context.Context) func(resource.SurveyWant) resource.Survey {
	s := new(resource.Survey)
	early := new(sync.WaitGroup)
	early.Go(func() { r.surveyHost(ctx, s) })
	return func(want resource.SurveyWant) resource.Survey {
		r.surveyDaemon(ctx, want, s)
		early.Wait()
		r.addVersions(ctx, want.Programs, s.Packages.Value.Installed)
		return *s
	}
}

func (r *Reader) surveyHost(ctx context.Context, s *resource.Survey) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	seen := sync.OnceValue(scan)
	var wg sync.WaitGroup
	wg.Go(func() { s.Listeners, s.Sshd = r.listeners(seen) })
	wg.Go(func() { s.Packages = factOf(r.readPackages(ctx, seen)) })
	wg.Go(func() { s.Kubelet, s.Etcd = factOf(r.kubelet(seen)), factOf(r.etcd(seen)) })
	wg.Wait()
}

func (r *Reader) surveyDaemon(ctx context.Context, want resource.SurveyWant, s *resource.Survey) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.Images = daemonFact(r, want, func() ([]resource.Image, error) { return r.readImages(ctx) }) })
	wg.Go(func() {
		s.Swarm = daemonFact(r, want, func() (resource.Swarm, error) { return r.readSwarm(ctx, want.DataRoot) })
	})
	wg.Go(func() { s.Paths = r.readPaths(ctx, want.Paths) })
	wg.Go(func() { s.DataMount = factOf(r.dataMount(want.DataRoot)) })
	wg.Wait()
}

func factOf[T any](v T, err error) resource.Fact[T] {
	if err != nil {
		return resource.Unknown[T](err.Error())
	}
	return resource.Known(v)
}

func daemonFact[T any](r *Reader, want resource.SurveyWant, ask func() (T, error)) resource.Fact[T] {
	switch {
	case !r.Live():
		return resource.Unknown[T](errImage.Error())
	case !want.Daemon:
		return resource.Unknown[T](errStopped.Error())
	}
	return factOf(ask())
}

func (r *Reader) listeners(seen func() processes) (resource.Fact[[]resource.Listener], []string) {
	if !r.Live() {
		return resource.Unknown[[]resource.Listener](errImage.Error()), nil
	}
	p := seen()
	return factOf(p.listeners, p.err), p.sshd
}
