package lab

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"time"
)

// maxOutput is how much of a container's output is kept; what comes after it is
// read and dropped, so that the container does not wait for a reader.
const maxOutput = 1 << 20

// output is what a container has printed.
type output struct {
	stream io.ReadCloser
	done   chan struct{}
	mu     sync.Mutex
	kept   bytes.Buffer
}

// follow reads a stream in the daemon's framing until it ends.
func follow(stream io.ReadCloser) *output {
	o := &output{stream: stream, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		_ = unframe(stream, o) // an end in the middle of a frame is the end
	}()
	return o
}

// unframe copies standard output out of the daemon's framing: 8 bytes before
// each piece, of which the first names the stream and the last four are its
// length (moby api/pkg/stdcopy). That package makes room for a piece of any length
// that the other end claims.
func unframe(r io.Reader, w io.Writer) error {
	const stdout = 1
	var head [8]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		to := io.Discard
		if head[0] == stdout {
			to = w
		}
		if _, err := io.CopyN(to, r, int64(binary.BigEndian.Uint32(head[4:]))); err != nil {
			return err
		}
	}
}

// Write keeps what there is room for.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := maxOutput - o.kept.Len()
	o.kept.Write(p[:min(room, len(p))])
	return len(p), nil
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.kept.Bytes())
}

// lines are the lines that are complete.
func (o *output) lines() []string {
	all := string(o.bytes())
	end := strings.LastIndexByte(all, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(all[:end], "\n")
}

// lastWords is how long the daemon may take to pass on the rest of the output of
// a container that has ended.
const lastWords = 2 * time.Second

// report waits for the end of the stream and returns the last line.
func (o *output) report() []byte {
	select {
	case <-o.done:
	case <-time.After(lastWords):
	}
	all := bytes.TrimRight(o.bytes(), "\n")
	return all[bytes.LastIndexByte(all, '\n')+1:]
}

func (o *output) close() {
	if o != nil {
		o.stream.Close()
	}
}
