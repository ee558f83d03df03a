package h2

import "encoding/binary"

// Settings of RFC 9113 section 6.5.2.
const (
	settingHeaderTableSize   = 0x1
	settingEnablePush        = 0x2
	settingMaxStreams        = 0x3
	settingInitialWindow     = 0x4
	settingMaxFrameSize      = 0x5
	settingMaxHeaderListSize = 0x6
)

// guessedStreams is how many streams a server is taken to allow until its settings have come: the least that RFC 9113 section 6.5.2
// recommends, and what net/http and nghttp2 take.
const guessedStreams = 100

// unlimitedStreams is how many are used of a server that sets no limit, as net/http does.
const unlimitedStreams = 1000

func appendSetting(dst []byte, id uint16, value uint32) []byte {
	dst = binary.BigEndian.AppendUint16(dst, id)
	return binary.BigEndian.AppendUint32(dst, value)
}

// appendPreamble appends what this side says first: the preface on a client, the settings, and the connection's window.
func (c *conn) appendPreamble(dst []byte) []byte {
	var list [3 * 6]byte
	settings := appendSetting(list[:0], settingInitialWindow, firstStreamWindow)
	settings = appendSetting(settings, settingMaxHeaderListSize, uint32(c.limits.Head))
	if c.client {
		dst = append(dst, preface...)
		settings = appendSetting(settings, settingEnablePush, 0)
	} else {
		settings = appendSetting(settings, settingMaxStreams, uint32(c.maxStreams))
	}
	dst = appendFrame(dst, frameSettings, 0, 0, len(settings))
	dst = append(dst, settings...)
	return appendWindowUpdate(dst, 0, c.window.size-startWindow)
}

// onSettings takes over the peer's settings and acknowledges them.
func (c *conn) onSettings(f frame, payload []byte) error {
	if f.stream != 0 {
		return protocolError("SETTINGS on a stream")
	}
	if f.flags&flagAck != 0 {
		if len(payload) != 0 {
			return connError(FrameSizeError, "SETTINGS acknowledgment with a payload")
		}
		return c.onNoise()
	}
	if len(payload)%6 != 0 {
		return connError(FrameSizeError, "SETTINGS is not a multiple of 6 bytes")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.noise(settingsCost) {
		return errFlood
	}
	if first := c.client && !c.settled; first {
		c.settled, c.peerStreams = true, unlimitedStreams
		defer close(c.settling)
	}
	for ; len(payload) > 0; payload = payload[6:] {
		if err := c.applySetting(binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])); err != nil {
			return err
		}
	}
	c.out = appendFrame(c.out, frameSettings, flagAck, 0, 0)
	c.kick()
	return nil
}

// applySetting takes over one setting. c.mu is held.
func (c *conn) applySetting(id uint16, value uint32) error {
	switch id {
	case settingHeaderTableSize:
		c.encoder.setLimit(value)
	case settingEnablePush:
		if value > 1 || c.client && value != 0 {
			return protocolError("SETTINGS_ENABLE_PUSH out of its range")
		}
	case settingMaxStreams:
		c.peerStreams = int(min(value, maxStreamID))
	case settingInitialWindow:
		return c.applyInitialWindow(value)
	case settingMaxFrameSize:
		if value < 16384 || value > 1<<24-1 {
			return protocolError("SETTINGS_MAX_FRAME_SIZE out of its range")
		}
	}
	return nil
}

// applyInitialWindow moves the windows of all open streams by the difference, which may make them negative (RFC 9113 section 6.9.2).
func (c *conn) applyInitialWindow(value uint32) error {
	if value > maxWindow {
		return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE out of its range")
	}
	difference := int64(value) - c.peerWindow
	c.peerWindow = int64(value)
	for _, s := range c.streams {
		s.sendWindow += difference
		if s.sendWindow > maxWindow {
			return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a window")
		}
		s.writable.Signal()
	}
	return nil
}
