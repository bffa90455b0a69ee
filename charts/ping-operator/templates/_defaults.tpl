{{- /*
Fills in values that a release of an older chart lacks. With `helm upgrade --reuse-values` Helm takes the values of the older
release as they are, so that blocks which are new in this chart are missing. Every template begins with it.

`resources` is left as it is: who takes a limit out sets it to null, and means it.
*/ -}}
{{- define "ping-operator.fillValues" -}}
{{- range $name, $default := .Files.Get "files/defaults.yaml" | fromYaml -}}
{{- if eq $name "resources" -}}
{{- else if not (hasKey $.Values $name) -}}
{{- $_ := set $.Values $name $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" (get $.Values $name)) -}}
{{- $block := get $.Values $name -}}
{{- range $key, $value := $default -}}
{{- if not (hasKey $block $key) -}}
{{- $_ := set $block $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
