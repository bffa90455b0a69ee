// Judges PingStacks as GitOps tools do: by the library of kstatus, which Flux and Helm wait by, and by the health script for
// Argo CD in docs/gitops.md, in the interpreter that Argo CD runs it in.
//
//	gitops DOCUMENT states     standard input is a list of states: each object must be judged as it says
//	gitops DOCUMENT object     standard input is one object: prints both judgements
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type state struct {
	Name    string         `json:"name"`
	Kstatus string         `json:"kstatus"`
	ArgoCD  string         `json:"argocd"`
	Object  map[string]any `json:"object"`
}

func main() {
	script := healthScript(os.Args[1])
	if os.Args[2] == "object" {
		var object map[string]any
		must(json.NewDecoder(os.Stdin).Decode(&object))
		fmt.Println(kstatus(object), argoCD(script, object))
		return
	}
	var states []state
	must(json.NewDecoder(os.Stdin).Decode(&states))
	wrong := 0
	for _, state := range states {
		one, other := kstatus(state.Object), argoCD(script, state.Object)
		if one != state.Kstatus || other != state.ArgoCD {
			wrong++
			fmt.Printf("%s: kstatus says %s and must say %s; Argo CD says %s and must say %s\n",
				state.Name, one, state.Kstatus, other, state.ArgoCD)
		}
	}
	if wrong > 0 || len(states) == 0 {
		fmt.Printf("%d of %d states are misjudged\n", wrong, len(states))
		os.Exit(1)
	}
	fmt.Printf("all %d states are judged as they should be\n", len(states))
}

func kstatus(object map[string]any) string {
	result, err := status.Compute(&unstructured.Unstructured{Object: whole(object).(map[string]any)})
	must(err)
	return result.Status.String()
}

// whole makes whole numbers of JSON's, as the client of Kubernetes does.
func whole(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			value[name] = whole(inner)
		}
	case []any:
		for index, inner := range value {
			value[index] = whole(inner)
		}
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	}
	return value
}

// healthScript is the document's only block of Lua.
func healthScript(document string) string {
	text, err := os.ReadFile(document)
	must(err)
	_, rest, found := strings.Cut(string(text), "```lua\n")
	script, _, ends := strings.Cut(rest, "```")
	if !found || !ends {
		must(fmt.Errorf("%s has no block of Lua", document))
	}
	return script
}

// argoCD runs the script with the few libraries that Argo CD opens.
func argoCD(script string, object map[string]any) string {
	interpreter := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer interpreter.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
		lua.StringLibName: lua.OpenString,
	} {
		must(interpreter.CallByParam(lua.P{Fn: interpreter.NewFunction(open), NRet: 0, Protect: true}, lua.LString(name)))
	}
	interpreter.SetGlobal("obj", table(interpreter, object))
	must(interpreter.DoString(script))
	health, is := interpreter.Get(-1).(*lua.LTable)
	if !is || health.RawGetString("message").Type() != lua.LTString {
		must(fmt.Errorf("the script returned no status with a message"))
	}
	return health.RawGetString("status").String()
}

func table(interpreter *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		fields := interpreter.NewTable()
		for name, inner := range value {
			fields.RawSetString(name, table(interpreter, inner))
		}
		return fields
	case []any:
		items := interpreter.NewTable()
		for _, inner := range value {
			items.Append(table(interpreter, inner))
		}
		return items
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case int64:
		return lua.LNumber(value)
	}
	return lua.LNil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
