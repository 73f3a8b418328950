package item

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const someUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

// bare is the payload of an item as AppendJSON sends it without the server's keys.
func bare(t *testing.T, i *Item) string {
	t.Helper()
	var sent struct{ Payload json.RawMessage }
	whole := i.AppendJSON([]byte("before"), true)
	if err := json.Unmarshal(whole[len("before"):], &sent); err != nil {
		t.Fatalf("%v: %s", err, whole)
	}
	return string(sent.Payload)
}

// storedItem is an item as the API stores what a client sent.
func storedItem(t testing.TB, text string) *Item {
	t.Helper()
	payload, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	i := &Item{UID: someUID, Version: 12, UpdatedAt: 1_795_155_334_040}
	payload.setUID(keyUID, someUID)
	payload.stamp(i)
	i.Payload = payload.encode()
	return i
}

func TestABarePayloadHasEverythingButTheServersKeys(t *testing.T) {
	t.Parallel()
	const uid = `"uid":"` + someUID + `"`
	for sent, want := range map[string]string{
		`{}`:                                   `{}`,
		`{` + uid + `}`:                        `{}`,
		`{"a":1}`:                              `{"a":1}`,
		`{` + uid + `,"a":1}`:                  `{"a":1}`,
		`{"a":1,` + uid + `,"b":2}`:            `{"a":1,"b":2}`,
		`{"a":1,"sync":1,"b":2}`:               `{"a":1,"b":2}`,
		`{"sync":1,"updatedTs":1,` + uid + `}`: `{}`,
		`{"a":"\"sync\":{","b":{"uid":1,"sync":[]}}`:    `{"a":"\"sync\":{","b":{"uid":1,"sync":[]}}`,
		`{"a":"x\\\\","u\u0069d":"` + someUID + `"}`:    `{"a":"x\\\\"}`,
		`{"n":12345678901234567890,"f":-1.10E+2,"":[]}`: `{"n":12345678901234567890,"f":-1.10E+2,"":[]}`,
		`{"t":true,"f":false,"z":null,"s":[{},[],"]"]}`: `{"t":true,"f":false,"z":null,"s":[{},[],"]"]}`,
	} {
		if got := bare(t, storedItem(t, sent)); got != want {
			t.Errorf("of %s: %s, want %s", sent, got, want)
		}
	}
}

func TestABarePayloadOfWhatAClientPushedIsTheRestToTheLetter(t *testing.T) {
	t.Parallel()
	const tail = `,"updatedTs":"2026-11-20T06:15:34.04Z","sync":{"version":12,"isDeleted":false}}`
	const someObject = `{"uid":1,"sync":{"version":12,"isDeleted":false},"x":"\\"}`
	for pushed, want := range map[string]string{
		`{ "a" : [ 1 , {"uid":2} ] , "uid" : "x" , "b":"ä\n" }`: `{ "a" : [ 1 , {"uid":2} ] , "b":"ä\n" }`,
		"{\n\t\"uid\":1,\n\t\"a\":1\n}":                         "{\n\t\n\t\"a\":1\n}",
		`{"a":1 , "sync":{"version":3} }`:                       `{"a":1 }`,
		`{"a":1,"uid":1,"uid":2,"sync":3}`:                      `{"a":1}`,
		`{ "uid" : 1 }`:                                         `{}`,
		`{"a":"` + strings.ReplaceAll(tail, `"`, `\"`) + `"}`:   `{"a":"` + strings.ReplaceAll(tail, `"`, `\"`) + `"}`,
		`{"b":` + someObject + `,"uid":"` + someUID + `"` + tail[:len(tail)-1] + `,"c":"}","d":[{}]}`: `{"b":` + someObject + `,"c":"}","d":[{}]}`,
		`{"uid":"` + someUID + `"` + tail[:len(tail)-1] + `,"c":1}`:                                   `{"c":1}`,
		`{"uid":"` + someUID + `","a":1` + tail[:len(tail)-1] + `,"c":1}`:                             `{"a":1,"c":1}`,
		`{"uid":1,"o":{"uid":"` + someUID + `"` + tail[:len(tail)-1] + `,"c":1},"d":2}`:               `{"o":{"uid":"` + someUID + `"` + tail[:len(tail)-1] + `,"c":1},"d":2}`,
		`{"uid":1,"o":[{"uid":"` + someUID + `"` + tail + `,{"c":1}],"d":2}`:                          `{"o":[{"uid":"` + someUID + `"` + tail + `,{"c":1}],"d":2}`,
		`{"a":{"b":1` + tail + `}`:                                  `{"a":{"b":1` + tail + `}`,
		`{"a":{"uid":"` + someUID + `"` + tail + `}`:                `{"a":{"uid":"` + someUID + `"` + tail + `}`,
		`{"a":"{\"uid\":\"` + someUID + `\"","uid":1` + tail:        `{"a":"{\"uid\":\"` + someUID + `\""}`,
		`{"uid":"` + strings.ToUpper(someUID) + `","a":"\\"` + tail: `{"a":"\\"}`,
	} {
		i := &Item{UID: someUID, Version: 12, UpdatedAt: 1_795_155_334_040, Payload: []byte(pushed)}
		if !json.Valid(i.Payload) {
			t.Fatalf("not JSON: %s", pushed)
		}
		got := strings.Join(strings.Fields(bare(t, i)), " ")
		if want := strings.Join(strings.Fields(want), " "); got != want {
			t.Errorf("of %s: %s, want %s", pushed, got, want)
		}
	}
}

func TestABareTombstoneIsRead(t *testing.T) {
	t.Parallel()
	i := storedItem(t, `{"a":1}`)
	i.DeletedAt = &i.UpdatedAt
	payload, _ := Decode(i.Payload)
	payload.stamp(i)
	i.Payload = payload.encode()
	if got := bare(t, i); got != `{"a":1}` {
		t.Error(got)
	}
}

func FuzzABarePayload(f *testing.F) {
	f.Add([]byte(`{"a":"\\\"","uid":1,"b":[{"sync":2}],"u\u0069d":3}`))
	f.Add([]byte(`{ "sync" : {} , "x" : "}" }`))
	f.Fuzz(func(t *testing.T, text []byte) {
		payload, err := Decode(text)
		if err != nil {
			return
		}
		kept := &Payload{}
		kept.merge(payload)
		var want map[string]any
		_ = json.Unmarshal(kept.encode(), &want)
		pushed := &Item{UID: someUID, Version: 1, Payload: bytes.TrimLeft(text, " \t\r\n")}
		for _, i := range []*Item{pushed, storedItem(t, string(text))} {
			var got map[string]any
			if err := json.Unmarshal([]byte(bare(t, i)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", i.Payload, got, want)
			}
		}
	})
}

// BenchmarkAnItem compares an item with and without the server's keys, where they stand at
// the end, with the uid in front, and among the others.
func BenchmarkAnItem(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		text := `"title":"Milk","tags":["shop","home"],"status":"active","content":"` + strings.Repeat(`Two bottles,\n`, size/14) + `"`
		for _, shape := range []struct{ name, sent, later string }{
			{"last", "{" + text + "}", ""},
			{"first", `{"uid":"` + someUID + `",` + text + "}", ""},
			{"amid", "{" + text + "}", `"pinned":true`},
		} {
			i := storedItem(b, shape.sent)
			if shape.later != "" {
				i.Payload = append(append(i.Payload[:len(i.Payload)-1], ","+shape.later...), '}')
			}
			for _, bare := range []bool{false, true} {
				b.Run(fmt.Sprintf("%d/%s/bare=%v", size, shape.name, bare), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						i.AppendJSON(make([]byte, 0, len(i.Payload)+200), bare)
					}
				})
			}
		}
	}
}
