{{- /* The PingStack's name; its Services begin with it. */ -}}
{{- define "pingstack.name" -}}
{{- .Values.nameOverride | default .Release.Name -}}
{{- end -}}

{{- define "pingstack.labels" -}}
app.kubernetes.io/name: pingstack
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: ping
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "pingstack.mailpitLabels" -}}
app.kubernetes.io/name: mailpit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* Takes every null out of an object, in place: null in the values means that the field is left out. */ -}}
{{- define "pingstack.prune" -}}
{{- range $key, $value := . -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $ $key -}}
{{- else if kindIs "map" $value -}}
{{- include "pingstack.prune" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The spec: the values that are not the chart's own, without what is null. */ -}}
{{- define "pingstack.spec" -}}
{{- $spec := omit (deepCopy .Values) "global" "nameOverride" "labels" "annotations" "mailpit" "test" -}}
{{- include "pingstack.prune" $spec -}}
{{- if .Values.mailpit.enabled -}}
{{- if $spec.smtp.host -}}
{{- fail "smtp.host and mailpit.enabled name two mail servers: leave one out" -}}
{{- end -}}
{{- $_ := set $spec.smtp "host" "mailpit" -}}
{{- $_ := set $spec.smtp "port" 1025 -}}
{{- $_ := set $spec.smtp "tls" "None" -}}
{{- $_ := set $spec.smtp "from" ($spec.smtp.from | default "Ping <no-reply@example.org>") -}}
{{- else if not (and $spec.smtp.host $spec.smtp.from) -}}
{{- fail "which mail server? set smtp.host and smtp.from, or mailpit.enabled=true to try Ping out" -}}
{{- end -}}
{{- /* An empty block would say: neither managed nor external. Left out it says: managed, with defaults. */ -}}
{{- range $block := list "redis" "rabbitmq" -}}
{{- if not (get $spec $block) -}}
{{- $_ := unset $spec $block -}}
{{- end -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- /* The container of a pod that the Pod Security Standard `restricted` lets in. */ -}}
{{- define "pingstack.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
