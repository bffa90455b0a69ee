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
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* An image's whole name: in `registry`, if that is given, instead of the registry that it names. */ -}}
{{- define "pingstack.image" -}}
{{- $image := .image -}}
{{- with .registry -}}
{{- $parts := splitList "/" $image -}}
{{- $first := first $parts -}}
{{- if and (gt (len $parts) 1) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- $image = join "/" (rest $parts) -}}
{{- end -}}
{{- $image = printf "%s/%s" (trimSuffix "/" .) $image -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{- /* What the pods of Mailpit and of the test have in common: where they run, as which users, and how they are pulled. */ -}}
{{- define "pingstack.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.mailpit.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.mailpit.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.mailpit.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.mailpit.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- /* OpenShift gives out the users itself, and admits no pod that names others. */}}
  {{- $profile := .Values.securityProfile | default "Auto" }}
  {{- if not (or (eq $profile "OpenShift") (and (eq $profile "Auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1"))) }}
  runAsUser: 65532
  runAsGroup: 65532
  {{- end }}
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- /* Mailpit's Service and Deployment: a namespace may have several releases. */ -}}
{{- define "pingstack.mailpit" -}}
{{- include "pingstack.name" . }}-mailpit
{{- end -}}

{{- define "pingstack.mailpitLabels" -}}
app.kubernetes.io/name: mailpit
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* Takes every null out of an object, in place: null in the values means that the field is left out. In the `spec` of a
podTemplate it stays: there it removes a field of the operator's. */ -}}
{{- define "pingstack.prune" -}}
{{- range $key, $value := . -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $ $key -}}
{{- else if and (kindIs "map" $value) (ne $key "spec") -}}
{{- include "pingstack.prune" $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The spec: the values that are not the chart's own, without what is null. */ -}}
{{- define "pingstack.spec" -}}
{{- $spec := omit (deepCopy .Values) "global" "nameOverride" "labels" "annotations" "commonLabels" "extraObjects" "imageRegistry" "imagePullSecrets" "mailpit" "test" -}}
{{- include "pingstack.prune" $spec -}}
{{- if .Values.mailpit.enabled -}}
{{- if $spec.smtp.host -}}
{{- fail "smtp.host and mailpit.enabled name two mail servers: leave one out" -}}
{{- end -}}
{{- $_ := set $spec.smtp "host" (include "pingstack.mailpit" .) -}}
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
