package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// docsPolicy is the Content-Security-Policy of the docs page: nothing is loaded, nothing is run.
func docsPolicy() string {
	style := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(style[:]) + "'"
}

// docsPage renders the OpenAPI description as one page without scripts and without requests to anywhere.
func (s *server) docsPage(description *huma.OpenAPI) ([]byte, error) {
	view := docsView{
		Title: description.Info.Title, Version: description.Info.Version,
		Intro: strings.Split(description.Info.Description, "\n\n"),
		Style: template.CSS(docsStyle),
	}
	for _, tag := range description.Tags {
		group := docsGroup{Name: tag.Name, Description: tag.Description}
		for _, operation := range s.operations {
			if slices.Contains(operation.Tags, tag.Name) {
				group.Operations = append(group.Operations, docsOperationOf(operation))
			}
		}
		view.Groups = append(view.Groups, group)
	}
	schemas := description.Components.Schemas.Map()
	for name, schema := range schemas {
		view.Schemas = append(view.Schemas, docsSchema{Name: name, Fields: docsFields(schema)})
	}
	sort.Slice(view.Schemas, func(i, j int) bool { return view.Schemas[i].Name < view.Schemas[j].Name })
	for _, kind := range problemKinds() {
		view.Problems = append(view.Problems, docsProblem{kind.code, kind.status, kind.title, kind.hint})
	}
	page, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	err = page.Execute(&buffer, view)
	return buffer.Bytes(), err
}

type docsView struct {
	Title, Version string
	Intro          []string
	Style          template.CSS
	Groups         []docsGroup
	Schemas        []docsSchema
	Problems       []docsProblem
}

type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []docsField
	Request, RequestExample                string
	Answers                                []docsAnswer
	Errors                                 []string
}

type docsAnswer struct{ Status, Media, Schema, Example string }

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, In, Type, Schema, Description string
	Required                            bool
}

type docsProblem struct {
	Code        string
	Status      int
	Title, Hint string
}

// jsonBody is nil where an operation takes none, or one in another format.
func jsonBody(operation *huma.Operation) *huma.MediaType {
	if operation.RequestBody == nil {
		return nil
	}
	return operation.RequestBody.Content["application/json"]
}

func docsOperationOf(operation *huma.Operation) docsOperation {
	view := docsOperation{
		ID: operation.OperationID, Method: operation.Method, Path: operation.Path,
		Summary: operation.Summary, Description: operation.Description,
	}
	for _, parameter := range operation.Parameters {
		field := docsFieldOf(parameter.Name, parameter.Schema, parameter.Required)
		field.In = parameter.In
		if parameter.Description != "" {
			field.Description = parameter.Description
		}
		view.Parameters = append(view.Parameters, field)
	}
	if media := jsonBody(operation); media != nil {
		view.Request, view.RequestExample = schemaName(media.Schema), exampleText(media.Example)
	}
	statuses := make([]string, 0, len(operation.Responses))
	for status := range operation.Responses {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		response := operation.Responses[status]
		if number, err := strconv.Atoi(status); err == nil && number >= 400 {
			view.Errors = append(view.Errors, status)
			continue
		}
		if len(response.Content) == 0 {
			view.Answers = append(view.Answers, docsAnswer{Status: status})
		}
		for media, content := range response.Content {
			view.Answers = append(view.Answers, docsAnswer{status, media, schemaName(content.Schema), exampleText(content.Example)})
		}
	}
	slices.SortFunc(view.Answers, func(a, b docsAnswer) int { return strings.Compare(a.Status+a.Media, b.Status+b.Media) })
	return view
}

func docsFields(schema *huma.Schema) []docsField {
	fields := make([]docsField, 0, len(schema.Properties))
	for name, property := range schema.Properties {
		fields = append(fields, docsFieldOf(name, property, slices.Contains(schema.Required, name)))
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return fields
}

func docsFieldOf(name string, schema *huma.Schema, required bool) docsField {
	field := docsField{Name: name, Required: required}
	if schema == nil {
		return field
	}
	field.Description, field.Schema = schema.Description, schemaName(schema)
	field.Type = typeText(schema)
	return field
}

// typeText says in a few words what a value is.
func typeText(schema *huma.Schema) string {
	var words []string
	switch {
	case schema.Type == huma.TypeArray:
		words = append(words, "list of "+typeText(schema.Items))
	case schema.Ref != "":
		words = append(words, schemaName(schema))
	case schema.Type != "":
		words = append(words, schema.Type)
	case len(schema.AnyOf) == 2:
		words = append(words, typeText(schema.AnyOf[0])+" or null")
	default:
		words = append(words, "anything")
	}
	if values, ok := schema.AdditionalProperties.(*huma.Schema); ok {
		words = append(words, "of "+typeText(values))
	}
	if schema.Format == "date-time" {
		words = append(words, "(time, RFC 3339)")
	}
	if schema.Nullable {
		words = append(words, "or null")
	}
	if schema.PatternDescription != "" {
		words = append(words, "– "+schema.PatternDescription)
	}
	if len(schema.Enum) > 0 {
		var values []string
		for _, value := range schema.Enum {
			if text, ok := value.(string); ok {
				values = append(values, text)
			}
		}
		words = append(words, "– "+strings.Join(values, ", "))
	}
	if schema.Minimum != nil && schema.Maximum != nil {
		words = append(words, strconv.FormatFloat(*schema.Minimum, 'f', -1, 64)+" to "+strconv.FormatFloat(*schema.Maximum, 'f', -1, 64))
	}
	return strings.Join(words, " ")
}

// schemaName is the component that a schema, its items or its values refer to; empty where there is none.
func schemaName(schema *huma.Schema) string {
	for schema != nil {
		if schema.Ref != "" {
			return strings.TrimPrefix(schema.Ref, schemaPrefix)
		}
		values, _ := schema.AdditionalProperties.(*huma.Schema)
		switch {
		case len(schema.AnyOf) > 0:
			schema = schema.AnyOf[0]
		case schema.Items != nil:
			schema = schema.Items
		default:
			schema = values
		}
	}
	return ""
}

func exampleText(example any) string {
	if text, ok := example.(string); ok {
		return text
	}
	if example == nil {
		return ""
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if encoder.Encode(example) != nil {
		return ""
	}
	return buffer.String()
}
