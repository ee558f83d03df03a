package headroom

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// checkTags holds every field of a struct, and of what it contains, to its tags `enum`, `minimum` and `maximum`.
// A zero in an `omitempty` field means "not set" and is let through.
func checkTags(path string, value any) []error {
	return walkTags(path, reflect.ValueOf(value))
}

func walkTags(path string, v reflect.Value) []error {
	var errs []error
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			errs = walkTags(path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			errs = append(errs, walkTags(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			errs = append(errs, walkTags(joinPath(path, key.String()), v.MapIndex(key))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous && name == "" {
				errs = append(errs, walkTags(path, v.Field(i))...)
				continue
			}
			if name == "" || name == "-" || (options == "omitempty" && v.Field(i).IsZero()) {
				continue
			}
			at := joinPath(path, name)
			if err := checkField(at, field.Tag, v.Field(i)); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, walkTags(at, v.Field(i))...)
		}
	}
	return errs
}

func checkField(path string, tag reflect.StructTag, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return checkEnum(path, tag.Get("enum"), v.String())
	case reflect.Int, reflect.Int64:
		return checkRange(path, tag, float64(v.Int()))
	case reflect.Float64:
		return checkRange(path, tag, v.Float())
	default:
		return nil
	}
}

func checkEnum(path, enum, value string) error {
	if enum == "" {
		return nil
	}
	allowed := strings.Split(enum, ",")
	if slices.Contains(allowed, value) {
		return nil
	}
	expected := "must be " + enum
	if len(allowed) > 1 {
		expected = "must be one of " + strings.Join(allowed, ", ")
	}
	if near := Nearest(value, allowed); near != "" {
		expected = fmt.Sprintf("did you mean %q? It %s", near, expected)
	}
	return &InvalidError{Field: path, Value: quoteUnlessEmpty(value), Expected: expected}
}

func checkRange(path string, tag reflect.StructTag, value float64) error {
	minimum, errMin := strconv.ParseFloat(tag.Get("minimum"), 64)
	maximum, errMax := strconv.ParseFloat(tag.Get("maximum"), 64)
	// Written so that NaN, which compares with nothing, is refused as well.
	if (errMin != nil || value >= minimum) && (errMax != nil || value <= maximum) {
		return nil
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	switch {
	case errMin != nil:
		return &InvalidError{Field: path, Value: text, Expected: "must be at most " + tag.Get("maximum")}
	case errMax != nil:
		return &InvalidError{Field: path, Value: text, Expected: "must be at least " + tag.Get("minimum")}
	default:
		return &InvalidError{Field: path, Value: text, Expected: fmt.Sprintf("must be from %s to %s", tag.Get("minimum"), tag.Get("maximum"))}
	}
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
