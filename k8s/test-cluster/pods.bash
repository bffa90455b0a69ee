# Sourced by the test of the cluster: the objects that its cases make.
# shellcheck shell=bash disable=SC2034 # the variables are for the script that sources this

LABEL=pingstack.dev/test=cluster

# image_name NAME: its name with the version of k8s/images/list, in REGISTRY where there is one.
image_name() {
    local version
    version=$(awk -v name="$1" '$1 == name { print $2 }' "$K8S/images/list" "$K8S/test-cluster/images")
    echo "${REGISTRY:-localhost/ping}/$1:$version"
}

new_namespace() {
    cat <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $1
  labels:
    ${LABEL%=*}: ${LABEL#*=}
    pod-security.kubernetes.io/enforce: restricted
YAML
}

# pod NAME IMAGE MOUNT CLAIM [YAML of the container…]: a pod that "restricted" admits, uid 999, root file system read-only.
# MOUNT is where CLAIM is mounted (with CLAIM "-", an empty folder); "" mounts nothing. POD_NODE names the node that it must run on.
pod() {
    local name=$1 image=$2 mount=$3 claim=$4 source='emptyDir: {}' line
    shift 4
    [[ $claim == - ]] || source="persistentVolumeClaim: { claimName: $claim }"
    cat <<YAML
apiVersion: v1
kind: Pod
metadata:
  name: $name
  labels: { app: $name }
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: OnFailure
  automountServiceAccountToken: false
  ${POD_NODE:+nodeSelector: { kubernetes.io/hostname: $POD_NODE \}}
  securityContext:
    runAsNonRoot: true
    runAsUser: 999
    fsGroup: 999
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: main
      image: $image
      imagePullPolicy: IfNotPresent
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: scratch, mountPath: /tmp }
        - { name: scratch, mountPath: /home-of-pod }
        ${mount:+- { name: data, mountPath: $mount \}}
YAML
    for line; do printf '      %s\n' "$line"; done
    cat <<YAML
  volumes:
    - { name: scratch, emptyDir: {} }
    ${mount:+- { name: data, $source \}}
YAML
}

claim() {
    kubectl apply --filename - <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: $1 }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 100Mi } }
YAML
}

# client NAME [CLAIM]: a running pod with a shell, getent and redis-cli; CLAIM is at /data.
client() {
    pod "$1" "$(image_name redis)" "${2:+/data}" "${2:--}" 'command: [sleep, infinity]' | kubectl apply --filename -
    kubectl wait --for condition=Ready "pod/$1" --timeout 60s
}

# shell POD COMMAND
shell() { kubectl exec "$1" -- sh -c "$2"; }

# eventually COMMAND…: within 30 s; kube-proxy knows a new pod behind a Service about a second after it is ready.
eventually() {
    local deadline=$((EPOCHSECONDS + 30))
    until "$@"; do
        ((EPOCHSECONDS < deadline)) || { echo "gave up waiting for: $*"; return 1; }
        sleep 0.5
    done
}

# server NAME IMAGE MOUNT CLAIM COMMAND PORT: a ready pod, and a Service of its name.
server() {
    local name=$1 command=$5 port=$6
    pod "$1" "$2" "$3" "$4" ${command:+"command: $command"} \
        'env: [{ name: HOME, value: /home-of-pod }]' \
        "readinessProbe: { tcpSocket: { port: $port }, periodSeconds: 1 }" | kubectl apply --filename -
    kubectl get service "$name" 2>/dev/null || kubectl expose pod "$name" --port "$port"
    kubectl wait --for condition=Ready "pod/$name" --timeout 120s
}

external_metrics_pod() {
    pod external-metrics "$(image_name external-metrics-stub)" '' - 'args: [serve, /certificates]' \
        'readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1 }' |
        sed -e 's#{ name: scratch, mountPath: /home-of-pod }#{ name: certificates, mountPath: /certificates, readOnly: true }#' \
            -e 's#^  volumes:#&\n    - { name: certificates, secret: { secretName: external-metrics } }#'
    cat <<YAML
---
apiVersion: v1
kind: Service
metadata: { name: external-metrics }
spec:
  selector: { app: external-metrics }
  ports: [{ port: 443, targetPort: 8443 }]
YAML
}

# api_service CA: CA is the certificate in base64.
api_service() {
    cat <<YAML
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: v1beta1.external.metrics.k8s.io
  labels: { ${LABEL%=*}: ${LABEL#*=} }
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $1
  service: { name: external-metrics, namespace: $NAMESPACE }
YAML
}

autoscaled_deployment() {
    cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: { name: autoscaled }
spec:
  selector: { matchLabels: { app: autoscaled } }
  template:
    metadata: { labels: { app: autoscaled } }
$(pod autoscaled "$(image_name redis)" '' - 'command: [sleep, infinity]' | sed -n '/^spec:/,$ s/^/    /p' | sed 's/restartPolicy: OnFailure/restartPolicy: Always/')
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: autoscaled }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: autoscaled }
  minReplicas: 1
  maxReplicas: 10
  behavior: { scaleDown: { stabilizationWindowSeconds: 0 } }
  metrics:
    - type: External
      external:
        metric: { name: ping_test_backlog }
        target: { type: AverageValue, averageValue: "10" }
YAML
}
