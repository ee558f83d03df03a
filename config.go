package headroom

// Config is the one file that a user writes, after defaults, environment and `${NAME}` have been applied.
//
// Struct tags are the single description of every field: `json` its name, `doc` what it means, `default` the value where
// nobody says otherwise, `example` what an error message shows, `enum`, `minimum` and `maximum` what is allowed.
// The config room reads them to bind files and environment, to print errors, and to make the JSON Schema.
//
// `scaling` and `loadBalancing` at the top are defaults for every service; a service's own block overrides them
// field by field.
type Config struct {
	API           API                `json:"api" doc:"where the API and its docs are served, and how it is protected"`
	State         State              `json:"state" doc:"where what must survive a restart is kept"`
	Scaling       Scaling            `json:"scaling" doc:"how every service is scaled, unless the service says otherwise"`
	LoadBalancing LoadBalancing      `json:"loadBalancing" doc:"how every service is balanced, unless the service says otherwise"`
	Redis         Redis              `json:"redis" doc:"where balancers count the limits that they share"`
	Monitoring    Monitoring         `json:"monitoring" doc:"what is kept of the measurements, and when to raise an alert"`
	Log           Log                `json:"log" doc:"what headroom itself logs"`
	AccessLog     AccessLog          `json:"accessLog" doc:"a line for each request"`
	Services      map[string]Service `json:"services,omitempty" doc:"the services, by name: lower-case letters, digits and dashes" example:"{shop: {run: './shop --port {{port}}'}}"`
	Load          *Load              `json:"load,omitempty" doc:"traffic that headroom run makes by itself, for demonstrations"`
}

// API says where the control API listens.
type API struct {
	Listen    string `json:"listen" default:"127.0.0.1:7070" doc:"address of the API; any other than loopback needs the token" example:"127.0.0.1:7070"`
	Token     string `json:"token,omitempty" secret:"true" doc:"bearer token of the API, better given as file:PATH; made at the first start where the API is not on loopback" example:"file:/etc/headroom/token"`
	TokenFile string `json:"tokenFile,omitempty" doc:"where a generated token is kept (mode 0600); default STATE/api-token" example:"/var/lib/headroom/api-token"`
}

// State says where headroom keeps what must survive a restart.
type State struct {
	Dir       string   `json:"dir" default:".headroom" doc:"directory of the state, relative to the config file" example:"/var/lib/headroom"`
	Retention Duration `json:"retention" default:"30d" doc:"how long decisions, operations and events are kept" example:"30d"`
}

// Monitoring says what is kept of the measurements and when to raise an alert.
type Monitoring struct {
	Retention Duration    `json:"retention" default:"24h" doc:"how long 1 s measurements are kept" example:"24h"`
	MaxSize   Bytes       `json:"maxSize" default:"2GiB" doc:"most disk that measurements may use" example:"2GiB"`
	Alerts    []AlertRule `json:"alerts,omitempty" doc:"alert rules beside the built-in ones"`
}

// Log says what headroom itself writes to standard error.
type Log struct {
	Level  string `json:"level" default:"info" enum:"debug,info,warn,error" doc:"least level that is written"`
	Format string `json:"format" default:"auto" enum:"auto,text,json" doc:"auto is text on a terminal, else JSON"`
}

// Load is traffic that `headroom run` makes by itself, so that a demonstration needs no second terminal.
type Load struct {
	Service string `json:"service" doc:"the service that gets the traffic" example:"shop"`
	Shape   string `json:"shape" doc:"steps of DURATION@RATE in requests per second" example:"60s@40,60s@200,60s@40"`
	Path    string `json:"path" default:"/" doc:"path that is requested" example:"/"`
}

// Service is one thing that users reach: a command of which headroom starts replicas (Run), or a list of addresses that someone else
// runs (Backends), which is balanced and watched but not scaled, or both beside each other.
type Service struct {
	Run           *Run            `json:"run,omitempty" doc:"the command of which replicas are started" example:"./shop --port {{port}}"`
	Backends      []StaticBackend `json:"backends,omitempty" doc:"addresses that someone else runs" example:"[{address: 127.0.0.1:9001}]"`
	Scaling       Scaling         `json:"scaling" doc:"how this service is scaled"`
	LoadBalancing LoadBalancing   `json:"loadBalancing" doc:"how this service is balanced"`
	Objective     Objective       `json:"objective" doc:"what is promised to the users of this service"`
}

// StaticBackend is one address that someone else runs.
type StaticBackend struct {
	Address string `json:"address" doc:"host:port; or a name that is resolved again and again: dns://HOST:PORT (A, AAAA) or srv://NAME (SRV)" example:"127.0.0.1:9001"`
	Weight  int    `json:"weight" default:"1" minimum:"0" maximum:"1000" doc:"share of the traffic relative to the other backends; 0 gets none"`
	DNS     DNS    `json:"dns" doc:"how an address that is a name is resolved"`
	Placement
}

// Placement is where a backend stands among the others of its service.
type Placement struct {
	Zone     string `json:"zone,omitempty" doc:"where it runs: balancers of the same zone (locality) ask it first" example:"eu-west-1a"`
	Region   string `json:"region,omitempty" doc:"the larger place where it runs, for locality and the algorithm geographic" example:"eu-west-1"`
	Priority int    `json:"priority,omitempty" example:"1" minimum:"0" maximum:"7" doc:"0 is asked first; backends of a higher one stand by for when less than 72 % of those before are healthy"`
}

// Run is a command of which headroom starts replicas as processes.
type Run struct {
	Command          Command           `json:"command" shorthand:"true" doc:"program and arguments; {{port}} is replaced by the replica's port, which is also in PORT" example:"./shop --port {{port}}"`
	WorkingDirectory string            `json:"workingDirectory,omitempty" doc:"where it runs, relative to the config file; default the config file's directory" example:"/srv/shop"`
	Environment      map[string]string `json:"environment,omitempty" secret:"true" doc:"variables added to headroom's own environment" example:"{GOMAXPROCS: '1'}"`
	User             string            `json:"user,omitempty" doc:"user to run as; needs root" example:"www-data"`
	CPU              CPU               `json:"cpu,omitempty" doc:"processor limit of one replica; also what targetCPUUtilization is a percentage of (one core where not set)" example:"500m"`
	Memory           Bytes             `json:"memory,omitempty" doc:"memory limit of one replica; also what targetMemoryUtilization is a percentage of (the machine's memory divided by maxReplicas where not set)" example:"256MiB"`
	Ports            PortRange         `json:"ports" default:"20000-29999" doc:"ports that replicas are given" example:"20000-29999"`
	StartTimeout     Duration          `json:"startTimeout" default:"60s" doc:"a replica that is not healthy by then is stopped and another is tried" example:"60s"`
	StopGracePeriod  Duration          `json:"stopGracePeriod" default:"30s" doc:"time between SIGTERM and SIGKILL" example:"30s"`
}
