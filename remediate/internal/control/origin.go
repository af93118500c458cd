package control

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// originControls are D08 beyond the benchmark.
func originControls() []Control {
	return []Control{
		{
			ID: "image-digest", Title: "Containers name their image by digest", Severity: resource.Low, Level: 2, OWASP: []string{"D08"},
			Why: "A tag is what the registry makes it today.",
			How: "The reference that each container was made with: NAME@sha256:... or an id.", Remedy: recreate("from NAME@sha256:DIGEST"), judge: each(lookDigest),
		},
		{
			ID: "image-moved", Title: "Tags still name the image that runs", Severity: resource.Medium, Level: 1, OWASP: []string{"D08", "D02"},
			Why: "The container is not what its name says: an update was pulled and never started, or the tag was put on another image.",
			How: "The image of each container against the one that has its tag now.", Remedy: "recreate it from the image that is meant", judge: judgeMoved,
		},
		{
			ID: "image-registry", Title: "Images come from registries that the policy names", Severity: resource.High, Level: 1, OWASP: []string{"D08"},
			Why: "An image runs what its maker wrote.",
			How: "The registry in the reference of each container against images.registries; without a host it is docker.io.", Remedy: "images.registries in the policy; pull from there", judge: judgeRegistry,
		},
		{
			ID: "image-age", Title: "Images are rebuilt", Severity: resource.Medium, Level: 1, OWASP: []string{"D08", "D02"},
			Why: "Libraries in an image are as old as the image.",
			How: "When the image of each container was built, against images.max-age-days.", Remedy: "rebuild and recreate", judge: judgeAge,
		},
		{
			ID: "pipeline-paths", Title: "Folders that images are built from are written by root only", Severity: resource.High, Level: 1, OWASP: []string{"D08"},
			Why: "Whoever writes there writes what runs.",
			How: "Owner and mode of the folders in images.pipeline-paths.", Remedy: "chmod go-w", judge: judgePipeline,
		},
	}
}

func lookDigest(_ *tally, c *resource.Container) *flaw {
	if byDigest(c.Image) {
		return nil
	}
	return &flaw{"made from " + c.Image, "a digest", ""}
}

var digest = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(^|.@)sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`) })

// byDigest reports a reference that can mean one image only.
func byDigest(ref string) bool { return digest().MatchString(ref) }

func judgeMoved(t *tally) {
	images, ok := t.imagesOr()
	if !ok {
		return
	}
	tags := map[string]string{}
	for _, i := range images {
		for _, tag := range i.Tags {
			tags[familiar(tag)] = i.ID
		}
	}
	each(func(_ *tally, c *resource.Container) *flaw {
		now, tagged := tags[tagOf(familiar(c.Image))]
		switch {
		case byDigest(c.Image):
			return nil
		case c.Spec.ImageID == "":
			return undecided("which image it was made from is not known")
		case tagged && now == c.Spec.ImageID:
			return nil
		case !tagged && isID(c.Image):
			return &flaw{"made from an image that has no name any more", "an image with a name", ""}
		case !tagged:
			return &flaw{c.Image + " is not here any more", "the image that it names", ""}
		}
		return &flaw{c.Image + " names another image now", "the image that it names", ""}
	})(t)
}

// isID: docker ps shows the id of an image that has lost its name.
func isID(ref string) bool {
	return len(ref) >= 12 && strings.Trim(ref, "0123456789abcdef") == ""
}

// familiar is a reference as docker shows it: docker.io/library/x is x.
func familiar(ref string) string {
	for _, host := range []string{"docker.io/", "index.docker.io/"} {
		if rest, ok := strings.CutPrefix(ref, host); ok {
			ref = rest
			break
		}
	}
	return strings.TrimPrefix(ref, "library/")
}

// tagOf adds the tag that Docker takes without one.
func tagOf(ref string) string {
	if strings.Contains(ref[strings.LastIndexByte(ref, '/')+1:], ":") {
		return ref
	}
	return ref + ":latest"
}

// registryOf is the host of a reference: the first part, if it is one.
func registryOf(ref string) string {
	first, _, found := strings.Cut(ref, "/")
	if found && first != "index.docker.io" && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return "docker.io"
}

func judgeRegistry(t *tally) {
	if t.p.Images == nil || len(t.p.Images.Registries) == 0 {
		t.nothing("the policy names no registries (images.registries)")
		return
	}
	from := map[string][]string{}
	for _, i := range t.s.Survey.Value.Images.Value {
		from[i.ID] = i.Digests
	}
	each(func(t *tally, c *resource.Container) *flaw {
		refs := []string{c.Image}
		if isID(c.Image) || strings.HasPrefix(c.Image, "sha256:") { // names no registry: ask the image
			refs = from[c.Spec.ImageID]
		}
		for _, ref := range refs {
			if !t.trusted(ref) {
				return &flaw{ref + " is from " + registryOf(ref), "one of " + strings.Join(t.p.Images.Registries, ", "), ""}
			}
		}
		if len(refs) == 0 {
			return undecided("made from " + c.Image + ", and where that came from is not known")
		}
		return nil
	})(t)
}

// trusted reports whether the policy names the registry of a reference, or a
// beginning of its path there.
func (t *tally) trusted(ref string) bool {
	whole := registryOf(ref) + "/" + strings.TrimPrefix(strings.TrimPrefix(ref, "index.docker.io/"), registryOf(ref)+"/")
	if rest, ok := strings.CutPrefix(whole, "docker.io/"); ok && !strings.Contains(rest, "/") {
		whole = "docker.io/library/" + rest
	}
	return slices.ContainsFunc(t.p.Images.Registries, func(r string) bool { return below(whole, r) })
}

func judgeAge(t *tally) {
	if t.p.Images == nil || t.p.Images.MaxAgeDays == 0 {
		t.nothing("the policy sets no age (images.max-age-days)")
		return
	}
	images, ok := t.imagesOr()
	if !ok {
		return
	}
	built := map[string]int64{}
	for _, i := range images {
		built[i.ID] = i.CreatedNS
	}
	each(func(t *tally, c *resource.Container) *flaw {
		at := built[c.Spec.ImageID]
		switch {
		case at <= 0:
			return undecided("its image does not say when it was built")
		case t.future(at):
			return undecided("its image says that it was built on " + day(at) + ", which is yet to come")
		}
		if days := int(t.s.Taken.Sub(time.Unix(0, at)).Hours() / 24); days > t.p.Images.MaxAgeDays {
			return &flaw{fmt.Sprintf("its image is %d days old", days), fmt.Sprintf("%d days or less", t.p.Images.MaxAgeDays), ""}
		}
		return nil
	})(t)
}

func judgePipeline(t *tally) {
	if t.p.Images == nil || len(t.p.Images.PipelinePaths) == 0 {
		t.nothing("the policy names no folders (images.pipeline-paths)")
		return
	}
	if t.s.Survey.Unknown != "" {
		t.unknown(resource.FileObject, "folders", t.s.Survey.Unknown)
		return
	}
	for _, p := range t.p.Images.PipelinePaths {
		f, ok := t.fileAt(path.Clean(p)).Get()
		switch {
		case !ok:
			t.unknown(resource.FileObject, p, t.fileAt(path.Clean(p)).Unknown)
		case !f.Exists():
			t.unknown(resource.FileObject, p, "there is no such folder")
		case f.Mode&0o022 != 0 || f.UID != 0:
			t.fail(resource.Finding{
				Kind: resource.FileObject, Object: p, Observed: fmt.Sprintf("mode %04o, owner %d", f.Mode, f.UID), Expected: "written by root only",
				Remedy: fmt.Sprintf("chown root %s && chmod go-w %s", quoted(p), quoted(p)),
			})
		default:
			t.holds(1)
		}
	}
}
