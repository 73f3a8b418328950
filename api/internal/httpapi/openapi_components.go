package httpapi

import (
	"maps"
	"strings"

	"toolbridge/api/internal/fault"
)

// object is a JSON object of the OpenAPI document.
type object map[string]any

// parameter is one parameter of requests, declared beside the code that reads it.
type parameter struct {
	in, name    string
	description string
	schema      object
	required    bool
	example     any          // of a required one
	inline      bool         // described where it is used, since it is not the same everywhere
	headers     []header     // that a success may have because of it
	codes       []fault.Code // the refusals of it
}

func (p parameter) describe() object {
	described := object{"in": p.in, "name": p.name, "description": p.description, "schema": p.schema}
	if p.required {
		described["required"], described["example"] = true, p.example
	}
	return described
}

// key is the parameter's name among the components.
func (p parameter) key() string { return strings.ReplaceAll(p.name, "-", "") }

// use is the parameter as an operation has it.
func (p parameter) use() object {
	if p.inline {
		return p.describe()
	}
	return component("parameters", p.key())
}

// pathParameters are the parts of patterns in braces.
var pathParameters = map[string]parameter{"uid": uidParameter, "id": sessionIDParameter}

// header is one header of responses, declared beside the code that sets it.
type header struct {
	name, description, kind string
}

func useHeaders(headers []header) object {
	used := object{}
	for _, h := range headers {
		used[h.name] = component("headers", h.name)
	}
	return used
}

func component(kind, name string) object {
	return object{"$ref": "#/components/" + kind + "/" + name}
}

func schemaRef(name string) object { return component("schemas", name) }

// components are the parts that the routes refer to.
func components(routes []route) object {
	security, parameters, headers := object{}, object{}, object{}
	addHeaders := func(all []header) {
		for _, h := range all {
			headers[h.name] = object{"description": h.description, "schema": object{"type": h.kind}}
		}
	}
	addHeaders([]header{correlationHeader, challengeHeader, processHeader, retryAfterHeader})
	for _, route := range routes {
		addHeaders(route.success.headers)
		for _, guard := range route.guards {
			addHeaders(guard.headers)
			for _, schemes := range []map[string]object{guard.security, guard.instead} {
				for name, scheme := range schemes {
					security[name] = scheme
				}
			}
		}
		for _, p := range route.allParameters() {
			addHeaders(p.headers)
			if !p.inline {
				parameters[p.key()] = p.describe()
			}
		}
	}
	return object{"securitySchemes": security, "parameters": parameters, "headers": headers, "schemas": schemas()}
}

func merged(objects ...object) object {
	all := object{}
	for _, o := range objects {
		maps.Copy(all, o)
	}
	return all
}
