// Gorilla's websocket as a client: client CASES prints one JSON object per case and line.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const caseDeadline = 15 * time.Second

type testCase struct {
	Name    string
	URL     string
	Action  string
	Type    string
	Text    string
	Times   int
	Size    int
	Chunk   int
	Payload string
	Offered []string
	Agreed  string
	Count   int
	Status  int
	Reason  string
}

type result struct {
	Case   string `json:"case"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (c *testCase) content() (int, []byte) {
	if c.Type == "text" {
		return websocket.TextMessage, []byte(strings.Repeat(c.Text, c.Times))
	}
	data := make([]byte, c.Size)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return websocket.BinaryMessage, data
}

func (c *testCase) run() error {
	dialer := websocket.Dialer{Subprotocols: c.Offered, EnableCompression: true}
	if c.Action == "fragments" {
		dialer.WriteBufferSize = c.Chunk
	} else if c.Action == "echo" {
		// A client's message goes out in frames of the size of this buffer: here it shall be one frame.
		_, data := c.content()
		dialer.WriteBufferSize = len(data) + 1
	}
	url := c.URL
	if c.Action == "closed" {
		url += "close"
	}
	conn, response, err := dialer.Dial(url, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.UnderlyingConn().SetDeadline(time.Now().Add(caseDeadline)); err != nil {
		return err
	}

	status, reason := websocket.CloseNormalClosure, ""
	switch c.Action {
	case "echo", "fragments":
		err = c.echo(conn)
	case "ping":
		err = c.ping(conn)
	case "subprotocol":
		if conn.Subprotocol() != c.Agreed {
			err = fmt.Errorf("expected subprotocol %q, got %q", c.Agreed, conn.Subprotocol())
		}
	case "extensions":
		agreed := strings.Split(response.Header.Get("Sec-WebSocket-Extensions"), ";")[0]
		if agreed != c.Agreed {
			err = fmt.Errorf("expected extension %q, got %q", c.Agreed, agreed)
		}
	case "many":
		err = c.many(conn)
	case "closed":
		// The default handler answers.
		return expectClose(conn, c.Status, c.Reason)
	case "close":
		status, reason = c.Status, c.Reason
	default:
		err = fmt.Errorf("no such action: %s", c.Action)
	}
	if err != nil {
		return err
	}
	return closeCleanly(conn, status, reason)
}

func (c *testCase) echo(conn *websocket.Conn) error {
	kind, data := c.content()
	if err := conn.WriteMessage(kind, data); err != nil {
		return err
	}
	return expectMessage(conn, kind, data)
}

func (c *testCase) ping(conn *websocket.Conn) error {
	pong := ""
	conn.SetPongHandler(func(payload string) error {
		pong = payload
		return nil
	})
	if err := conn.WriteControl(websocket.PingMessage, []byte(c.Payload), time.Time{}); err != nil {
		return err
	}
	// Pongs are handled while a message is read, so one has to follow.
	after := []byte("after the ping")
	if err := conn.WriteMessage(websocket.TextMessage, after); err != nil {
		return err
	}
	if err := expectMessage(conn, websocket.TextMessage, after); err != nil {
		return err
	}
	if pong != c.Payload {
		return fmt.Errorf("expected pong %q, got %q", c.Payload, pong)
	}
	return nil
}

func (c *testCase) many(conn *websocket.Conn) error {
	for n := 0; n < c.Count; n++ {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(strconv.Itoa(n))); err != nil {
			return err
		}
	}
	for n := 0; n < c.Count; n++ {
		if err := expectMessage(conn, websocket.TextMessage, []byte(strconv.Itoa(n))); err != nil {
			return err
		}
	}
	return nil
}

func expectMessage(conn *websocket.Conn, kind int, data []byte) error {
	gotKind, got, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	if gotKind != kind {
		return fmt.Errorf("expected opcode %d, got %d", kind, gotKind)
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("content differs: expected %d bytes, got %d", len(data), len(got))
	}
	return nil
}

// closeCleanly does the closing handshake, and then waits for the server to end the stream.
func closeCleanly(conn *websocket.Conn, status int, reason string) error {
	// The default handler would answer the answer.
	conn.SetCloseHandler(func(int, string) error { return nil })
	frame := websocket.FormatCloseMessage(status, reason)
	if err := conn.WriteControl(websocket.CloseMessage, frame, time.Time{}); err != nil {
		return err
	}
	return expectClose(conn, status, reason)
}

func expectClose(conn *websocket.Conn, status int, reason string) error {
	_, _, err := conn.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return fmt.Errorf("expected a close frame, got %v", err)
	}
	if closed.Code != status || closed.Text != reason {
		return fmt.Errorf("expected close %d %q, got %d %q", status, reason, closed.Code, closed.Text)
	}
	if _, err := conn.UnderlyingConn().Read(make([]byte, 1)); err != io.EOF {
		return fmt.Errorf("expected the end of the stream, got %v", err)
	}
	return nil
}

func main() {
	var cases []testCase
	if err := json.Unmarshal([]byte(os.Args[1]), &cases); err != nil {
		panic(err)
	}
	output := json.NewEncoder(os.Stdout)
	for _, c := range cases {
		report := result{Case: c.Name, OK: true}
		if err := c.run(); err != nil {
			report.OK, report.Detail = false, err.Error()
		}
		if err := output.Encode(report); err != nil {
			panic(err)
		}
	}
}
