package main

import (
	"fmt"
	"net"
	"os"
)

// serviceManager is systemd, where it started us with Type=notify; the zero value is nobody. See sd_notify(3).
type serviceManager struct{ socket string }

const notifySocket = "NOTIFY_SOCKET"

// findServiceManager reads where to notify, and hides it from the replicas.
func (a *app) findServiceManager() serviceManager {
	os.Unsetenv(notifySocket)
	return serviceManager{socket: a.getenv(notifySocket)}
}

// ready says that the roles work.
func (m serviceManager) ready() { m.say("READY=1") }

// stopping says that the roles end.
func (m serviceManager) stopping() { m.say("STOPPING=1") }

// succeeded says that another process is the service from now on.
func (m serviceManager) succeeded(pid int) { m.say(fmt.Sprintf("MAINPID=%d", pid)) }

// say sends a message. A manager that cannot be reached will find out by itself what has become of us.
func (m serviceManager) say(text string) {
	if m.socket == "" {
		return
	}
	// A name that begins with @ is in the abstract namespace, here and in package net.
	conn, err := net.Dial("unixgram", m.socket)
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(text))
}
