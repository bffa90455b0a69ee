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
# children.rs watches own Secrets; dereference.rs gets referenced ones; apply/object.rs creates, never patches;
# apply/orphans.rs, apply/retire.rs delete
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, delete]
# children.rs watches; apply/object.rs gets and patches (an apply that makes an object needs create);
# apply/orphans.rs deletes
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
# children.rs watches; apply.rs creates a test mail's Job, never patches; apply/orphans.rs deletes
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
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
