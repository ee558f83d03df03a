package config

import (
	"reflect"

	"headroom.dev/headroom"
)

var configType = reflect.TypeFor[headroom.Config]()
