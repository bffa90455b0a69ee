{{- /* The name of everything in this release: the release's, which is unique in its namespace. */ -}}
{{- define "ping-operator.fullname" -}}
{{- if contains "ping-operator" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-ping-operator" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Labels that never change. NetworkPolicies of stacks know the operator by the first. */ -}}
{{- define "ping-operator.selectorLabels" -}}
app.kubernetes.io/name: ping-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ping-operator.labels" -}}
{{ include "ping-operator.selectorLabels" . }}
app.kubernetes.io/part-of: ping
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The number of pods: the value, until somebody scales the Deployment. That number stays until the value changes: Helm 4 would
refuse to take it back. The annotation has the value of the last release; charts before it had none. */ -}}
{{- define "ping-operator.replicas" -}}
{{- $deployment := lookup "apps/v1" "Deployment" .Release.Namespace (include "ping-operator.fullname" .) | default dict -}}
{{- $metadata := $deployment.metadata | default dict -}}
{{- $before := get ($metadata.annotations | default dict) "pingstack.dev/replicas" -}}
{{- $isScaled := eq $before (toString .Values.replicas) -}}
{{- if not $before -}}
{{- range $metadata.managedFields -}}
{{- if eq (.subresource | default "") "scale" -}}
{{- $isScaled = true -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $deployment $isScaled -}}
{{- int $deployment.spec.replicas -}}
{{- else -}}
{{- .Values.replicas -}}
{{- end -}}
{{- end -}}

{{- /* An image's whole name: in `registry`, if that is given, instead of the registry that it names; and by its digest. */ -}}
{{- define "ping-operator.image" -}}
{{- $image := .image -}}
{{- with .registry -}}
{{- $parts := splitList "/" $image -}}
{{- $first := first $parts -}}
{{- if and (gt (len $parts) 1) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- $image = join "/" (rest $parts) -}}
{{- end -}}
{{- $image = printf "%s/%s" (trimSuffix "/" .) $image -}}
{{- end -}}
{{- /* Released charts name images by their digests already. */ -}}
{{- with .digest -}}
{{- $image = printf "%s@%s" (first (splitList "@" $image)) . -}}
{{- end -}}
{{- $image -}}
{{- end -}}

{{- /* Whether the cluster gives out the users that processes run as. */ -}}
{{- define "ping-operator.leavesUsersOut" -}}
{{- if or (eq .Values.securityProfile "OpenShift") (and (eq .Values.securityProfile "Auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{- /* The operator's environment: what its `--help` explains. */ -}}
{{- define "ping-operator.env" -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: LEASE_NAME
  value: {{ include "ping-operator.fullname" . }}
- name: METRICS_API_SERVICE
  value: {{ include "ping-operator.metricsApi" . }}
- name: METRICS_API_SECRET
  value: {{ include "ping-operator.metricsApi" . }}
- name: SIGN_IN_SINK_SERVICE
  value: {{ include "ping-operator.fullname" . }}-sign-in-sink
- name: SIGN_IN_SINK_PORT
  value: {{ .Values.signInSink.port | quote }}
- name: CLUSTER_ROLE
  value: {{ include "ping-operator.fullname" . }}-{{ .Release.Namespace }}
- name: WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: ALLOWED_BROKER_HOSTS
  value: {{ join "," .Values.externalBrokers.allowedHosts | quote }}
- name: USER_SERVICE_IMAGE
  value: {{ include "ping-operator.image" (dict "image" .Values.stackImages.userService "digest" .Values.stackImages.digests.userService "registry" .Values.imageRegistry) | quote }}
- name: MAIL_SERVICE_IMAGE
  value: {{ include "ping-operator.image" (dict "image" .Values.stackImages.mailService "digest" .Values.stackImages.digests.mailService "registry" .Values.imageRegistry) | quote }}
- name: REDIS_IMAGE
  value: {{ include "ping-operator.image" (dict "image" .Values.stackImages.redis "digest" .Values.stackImages.digests.redis "registry" .Values.imageRegistry) | quote }}
- name: RABBITMQ_IMAGE
  value: {{ include "ping-operator.image" (dict "image" .Values.stackImages.rabbitmq "digest" .Values.stackImages.digests.rabbitmq "registry" .Values.imageRegistry) | quote }}
- name: IMAGE_PULL_SECRETS
  value: {{ $names := list }}{{ range .Values.imagePullSecrets }}{{ $names = append $names .name }}{{ end }}{{ join "," $names | quote }}
# The kubelet would fill variables in that are meant for the pods of stacks.
- name: POD_TEMPLATE
  value: {{ .Values.stackPods.podTemplate | toJson | replace "$(" "$$(" | quote }}
- name: SECURITY_PROFILE
  value: {{ .Values.securityProfile }}
- name: IMAGE_PULL_POLICY
  value: {{ .Values.image.pullPolicy }}
- name: INGRESS_NAMESPACE
  value: {{ .Values.neighbours.ingressNamespace | quote }}
- name: PROMETHEUS_NAMESPACE
  value: {{ .Values.neighbours.prometheusNamespace | quote }}
- name: MANAGEMENT_PORT
  value: {{ .Values.managementPort | quote }}
- name: METRICS_API_PORT
  value: {{ .Values.metricsApi.port | quote }}
- name: RUNBOOKS_URL
  value: {{ .Values.monitoring.runbooksUrl | quote }}
- name: LOG_FORMAT
  value: {{ .Values.log.format }}
- name: LOG_FILTER
  value: {{ .Values.log.filter | quote }}
{{- end -}}

{{- /* Refuses a variable that the chart sets: of two the kubelet takes the last, and a server-side apply neither. */ -}}
{{- define "ping-operator.checkExtraEnv" -}}
{{- $names := list -}}
{{- range include "ping-operator.env" . | fromYamlArray -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $names -}}
{{- fail (printf "extraEnv has %s, which the chart sets from its other values, or twice: leave one out" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}

{{- /* Service and Secret of the external metrics API. */ -}}
{{- define "ping-operator.metricsApi" -}}
{{ include "ping-operator.fullname" . }}-metrics-api
{{- end -}}

{{- /* What the operator does in a namespace whose stacks it reconciles. */ -}}
{{- define "ping-operator.namespacedRules" -}}
# controller/run.rs watches stacks
- apiGroups: [pingstack.dev]
  resources: [pingstacks]
  verbs: [get, list, watch]
# controller/update_status.rs
- apiGroups: [pingstack.dev]
  resources: [pingstacks/status]
  verbs: [patch]
# owner references with blockOwnerDeletion, where the admission plug-in OwnerReferencesPermissionEnforcement is on
- apiGroups: [pingstack.dev]
  resources: [pingstacks/finalizers]
  verbs: [update]
# watches/children.rs watches own Secrets; dereference.rs gets referenced ones; apply/object.rs creates;
# apply/own_secrets.rs patches values that are missing, and the next step of a rotation; apply/mail_keys.rs patches the next step of
# sealing; apply/reclaim.rs patches labels that are lost; apply/orphans.rs, apply/retire.rs, apply/mail_keys.rs delete
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
# watches/children.rs watches; apply/object.rs gets and patches (an apply that makes an object needs create);
# branding/source.rs gets the ConfigMap of mail.templates.configMapRef; apply/orphans.rs deletes
- apiGroups: [""]
  resources: [serviceaccounts, configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# controller/monitoring.rs: spec.monitoring of a stack, where the cluster has the Prometheus operator
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, prometheusrules]
  verbs: [get, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# children.rs watches; apply.rs creates a test mail's Job; apply/reclaim.rs patches its labels and owner, and nothing else;
# apply/orphans.rs deletes
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# pods.rs watches the pods of stacks; test_mail.rs lists those of a test mail; apply/restart.rs starts brokers with a new
# cookie together; apply/stuck_pods.rs deletes a pod of Redis or a broker that is not ready and blocks its rollout;
# brokers/serving.rs takes clients away from a broker in another cluster, by its pod's label
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete, deletecollection]
# lost_volumes/volumes.rs compares the brokers' volumes with those that they were members with
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list]
# diagnose.rs: why a StatefulSet may not make pods
- apiGroups: [""]
  resources: [events]
  verbs: [list]
# events.rs; patch continues a series
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
