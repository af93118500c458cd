package host

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// maxImages is above what a host has any use for.
const maxImages = 10_000

// imageID is what may be part of an URL: a digest.
var imageID = regexp.MustCompile(`^(sha256:)?[0-9a-f]{1,64}$`)

// readImages lists all images but the intermediate ones of a build, each
// inspected and with its history, by id.
func (r *Reader) readImages(ctx context.Context) ([]resource.Image, error) {
	ids, err := r.listImages(ctx)
	if err != nil {
		return nil, err
	}
	c, err := dial(r.dockerHost, boundOne)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	out := make([]resource.Image, len(ids))
	err = eachOf(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		out[i], err = inspectImage(ctx, c, ids[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out, func(i resource.Image) bool { return i.ID == "" }), nil
}

// listImages returns ids, sorted: with containerd's store an image of several
// platforms is listed once, one of several names may be twice.
func (r *Reader) listImages(ctx context.Context) ([]string, error) {
	c, err := dial(r.dockerHost, boundList)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	list, err := c.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return nil, apiError(err)
	}
	if n := len(list.Items); n > maxImages {
		return nil, fmt.Errorf("cannot read the images: the Docker daemon lists %d, and at most %d are looked at", n, maxImages)
	}
	var ids []string
	for _, item := range list.Items {
		if !imageID.MatchString(item.ID) {
			return nil, fmt.Errorf("cannot read the images: the Docker daemon lists one with the id %.80q", item.ID)
		}
		ids = append(ids, item.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// inspectImage returns a zero Image for one that went away meanwhile. A history
// that cannot be read is no reason to know nothing of the image.
func inspectImage(ctx context.Context, c *client.Client, id string) (resource.Image, error) {
	res, err := c.ImageInspect(ctx, id)
	if isNotFound(err) {
		return resource.Image{}, nil
	}
	if err != nil {
		return resource.Image{}, fmt.Errorf("cannot inspect image %s: %w", id, said(err))
	}
	out := fromImage(id, res.InspectResponse)
	if h, err := c.ImageHistory(ctx, id); err == nil {
		out.History = []string{}
		for _, layer := range h.Items {
			out.History = append(out.History, layer.CreatedBy)
		}
	}
	return out, nil
}

func fromImage(id string, in image.InspectResponse) resource.Image {
	out := resource.Image{ID: id, Tags: named(in.RepoTags), Digests: named(in.RepoDigests), CreatedNS: started(in.Created)}
	if in.Config != nil {
		fromImageConfig(&out, in.Config)
	}
	return out
}

func fromImageConfig(out *resource.Image, c *dockerspec.DockerOCIImageConfig) {
	out.User, out.Env, out.Labels, out.Healthcheck = c.User, c.Env, c.Labels, checks(c.Healthcheck)
	out.Ports = slices.Sorted(maps.Keys(c.ExposedPorts))
	out.Volumes = slices.Sorted(maps.Keys(c.Volumes))
}

// named leaves out what old engines say of an image without a name,
// "<none>:<none>" and "<none>@<none>".
func named(names []string) []string {
	var out []string
	for _, n := range names {
		if !strings.HasPrefix(n, "<none>") {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
