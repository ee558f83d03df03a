package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"headroom.dev/headroom"
)

// spawn starts one replica. Its record is written before, with its name and port, and again after with its process id:
// whenever this process is killed in between, the next one finds the replica by the mark in its environment.
func (p *Platform) spawn(order headroom.Growth, name string, program program) error {
	port, err := p.choosePort(order.Workload.Run.Ports)
	if err != nil {
		return err
	}
	r := newReplica(record{
		Name: name, Service: order.Service, State: headroom.ReplicaStarting, BootID: p.bootID, Port: port,
		Operation: order.Operation, Revision: order.Workload.Revision, HealthCheck: order.Workload.HealthCheck, Reach: order.Workload.Reach,
		Wanted:          limits{CPU: order.Workload.Run.CPU, Memory: order.Workload.Run.Memory},
		StopGracePeriod: order.Workload.Run.StopGracePeriod, CreatedAt: p.now(),
	})
	group, err := p.groups.create(order.Service, name, r.Wanted)
	if err != nil {
		r.warning = "its limits are not enforced: " + err.Error()
		if !p.warned {
			p.warned = true
			p.log.Warn("limits of replicas are not enforced", "service", order.Service, "error", err)
		}
	} else {
		r.Enforced = r.Wanted
	}
	if err := p.trySave(r); err != nil {
		group.remove()
		return fmt.Errorf("record the replica before it is started: %w", err)
	}
	process, err := p.startProcess(r, program, group)
	if err != nil {
		p.forget(r)
		group.remove()
		return err
	}
	r.process, r.PID = process, process.Pid
	if stat, err := readStat(r.PID); err == nil {
		r.Ticks = stat.ticks
	}
	exit, err := openPidfd(r.PID)
	if err != nil {
		_ = syscall.Kill(-r.PID, syscall.SIGKILL)
		_, _ = process.Wait()
		p.forget(r)
		group.remove()
		return err
	}
	p.mu.Lock()
	p.replicas[replicaKey(r.Service, r.Name)] = r
	p.mu.Unlock()
	p.save(r)
	p.running.Go(func() { p.watchExit(r, exit) })
	p.running.Go(func() { p.watchReadiness(r) })
	p.running.Go(func() { p.live(r) })
	p.notify(r.Service)
	return nil
}

func (p *Platform) startProcess(r *replica, program program, group group) (*os.Process, error) {
	log, err := openLog(p.logPath(r.Service, r.Name))
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()

	path, args := program.path, make([]string, len(program.args))
	for i, arg := range program.args {
		args[i] = withPort(arg, r.Port)
	}
	attributes := &os.ProcAttr{
		Dir: program.dir, Env: p.environment(r, program), Files: []*os.File{null, log, log},
		Sys: &syscall.SysProcAttr{Setsid: true, Credential: program.credential},
	}
	if len(group.joinFiles) > 0 {
		if path, args, err = shimCommand(group.joinFiles, path, args, program.credential); err != nil {
			return nil, err
		}
		attributes.Sys.Credential = nil // the shim changes it after it has joined
	}
	if group.unified != nil {
		attributes.Sys.UseCgroupFD, attributes.Sys.CgroupFD = true, int(group.unified.Fd())
		defer group.unified.Close()
	}
	process, err := os.StartProcess(path, args, attributes)
	if err == nil {
		return process, nil
	}
	for _, lasting := range []error{syscall.ENOENT, syscall.EACCES, syscall.EPERM, syscall.ENOEXEC, syscall.ENOTDIR, syscall.E2BIG} {
		if errors.Is(err, lasting) {
			return nil, fmt.Errorf("%w: %w: make sure that the file can be executed and that the program its first line names exists", headroom.ErrInvalidWorkload, err)
		}
	}
	for _, full := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, full) {
			return nil, fmt.Errorf("%w: %w", headroom.ErrNoCapacity, err)
		}
	}
	return nil, err
}

// withPort replaces {{port}}.
func withPort(text string, port int) string {
	return strings.ReplaceAll(text, "{{port}}", strconv.Itoa(port))
}

// markName is the variable by which processes of a replica are recognized; its value is ID/SERVICE/REPLICA.
const markName = "HEADROOM_REPLICA"

func (p *Platform) mark(service, name string) string {
	return markName + "=" + p.id + "/" + service + "/" + name
}

// environment is our own without HEADROOM_* (the settings of headroom, some of them secrets), then what the user adds,
// then what the replica is told about itself.
func (p *Platform) environment(r *replica, program program) []string {
	var names []string
	values := map[string]string{}
	set := func(name, value string) {
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, variable := range os.Environ() {
		if name, value, ok := strings.Cut(variable, "="); ok && !strings.HasPrefix(name, "HEADROOM_") {
			set(name, value)
		}
	}
	for _, variable := range program.environment {
		set(variable[0], variable[1])
	}
	for name, value := range program.variables {
		set(name, withPort(value, r.Port))
	}
	set("PORT", strconv.Itoa(r.Port))
	set("REPLICA_ID", r.Name)
	set("SERVICE", r.Service)
	set("REVISION", r.Revision)
	environment := []string{p.mark(r.Service, r.Name)}
	for _, name := range names {
		environment = append(environment, name+"="+values[name])
	}
	return environment
}

func (p *Platform) logPath(service, name string) string {
	return filepath.Join(p.dir, "logs", service, name+".log")
}
