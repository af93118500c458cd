package view_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A browser is a real Chromium, driven over its debugging pipe: JSON messages
// that end in a NUL byte. It shows one page.
type browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	last    int
	session string
	events  []message
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

type params map[string]any

// startBrowser skips where there is no Chromium; with BULWARK_REQUIRE_ROOT set
// that fails, as for other tools that rig/deps installs.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("BULWARK_REQUIRE_ROOT") != "" {
			t.Fatal(err)
		}
		t.Skip("needs chromium:", err)
	}
	theirIn, to := pipe(t)
	from, theirOut := pipe(t)
	home := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	cmd := exec.CommandContext(ctx, program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+home)
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	var stderr bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &stderr, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		if !t.Failed() {
			b.session = ""
			b.call("Browser.close", nil, nil)
		}
		cancel()
		if err := cmd.Wait(); t.Failed() {
			t.Logf("chromium: %v\n%s", err, stderr.String())
		}
	})
	b.attach()
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func (b *browser) attach() {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", params{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", params{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
}

// call waits for the answer; events that come before it are kept.
func (b *browser) call(method string, p params, result any) {
	b.t.Helper()
	b.last++
	request := params{"id": b.last, "method": method}
	if p != nil {
		request["params"] = p
	}
	if b.session != "" {
		request["sessionId"] = b.session
	}
	sent, err := json.Marshal(request)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(sent, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.read()
		switch {
		case m.ID == 0:
			b.events = append(b.events, m)
		case m.ID == b.last && m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case m.ID == b.last:
			if result != nil {
				if err := json.Unmarshal(m.Result, result); err != nil {
					b.t.Fatal(err)
				}
			}
			return
		}
	}
}

func (b *browser) read() message {
	b.t.Helper()
	text, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatal("the browser is gone: ", err)
	}
	var m message
	if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
		b.t.Fatal(err)
	}
	return m
}

// open loads a page from a file and forgets the events before it.
func (b *browser) open(html string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.events = nil
	b.call("Page.navigate", params{"url": "file://" + file}, nil)
	for !b.happened("Page.loadEventFired") {
		b.events = append(b.events, b.read())
	}
	b.eval("new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))", nil)
}

func (b *browser) happened(method string) bool {
	for _, e := range b.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// complaints are what the page's console says: errors, violations, exceptions.
func (b *browser) complaints() []string {
	b.t.Helper()
	b.eval("1", nil) // what was said before it has come before its answer
	var all []string
	for _, e := range b.events {
		if e.Method == "Log.entryAdded" || strings.HasPrefix(e.Method, "Runtime.consoleAPI") || e.Method == "Runtime.exceptionThrown" {
			all = append(all, string(e.Params))
		}
	}
	return all
}

// eval runs a script as the debugger does, whatever the page's policy.
func (b *browser) eval(script string, value any) {
	b.t.Helper()
	var answer struct {
		Result struct{ Value json.RawMessage }
		Fault  json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", params{"expression": script, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.Fault != nil {
		b.t.Fatalf("%s\n%s", answer.Fault, script)
	}
	if value != nil {
		if err := json.Unmarshal(answer.Result.Value, value); err != nil {
			b.t.Fatalf("%v: %s\n%s", err, answer.Result.Value, script)
		}
	}
}

// screen sets the width, the medium and the colour scheme.
func (b *browser) screen(width int, media, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", params{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call("Emulation.setEmulatedMedia", params{"media": media, "features": []params{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// press sends a key as a keyboard does.
func (b *browser) press(key string, code int, text string) {
	b.t.Helper()
	down := params{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	if text != "" {
		down["text"] = text
	}
	b.call("Input.dispatchKeyEvent", down, nil)
	b.call("Input.dispatchKeyEvent", params{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

// picture writes what is seen below the folder in BULWARK_PICTURES, to be
// looked at.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("BULWARK_PICTURES")
	if dir == "" {
		return
	}
	var shot struct{ Data []byte }
	b.call("Page.captureScreenshot", params{"format": "png", "captureBeyondViewport": true}, &shot)
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.png", name)), shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
