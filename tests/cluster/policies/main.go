// Judges NetworkPolicies, read as `kubectl get networkpolicies --output json` from standard input, against a table of
// who may reach whom: lines of FROM, TO, PORT and yes or no. Prints the lines that the policies contradict.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// peers names the parties of the table. A part of the stack has the labels that its pods have.
func peers(namespace, stack, operatorNamespace string) map[string]*matcher.TrafficPeer {
	pod := func(namespace string, labels map[string]string) *matcher.TrafficPeer {
		return &matcher.TrafficPeer{IP: "10.244.0.9", Internal: &matcher.InternalPeer{
			Namespace:       namespace,
			NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": namespace},
			PodLabels:       labels,
		}}
	}
	part := func(stack, name string) *matcher.TrafficPeer {
		return pod(namespace, map[string]string{"pingstack.dev/stack": stack, "pingstack.dev/part": name})
	}
	return map[string]*matcher.TrafficPeer{
		"redis":              part(stack, "redis"),
		"rabbitmq":           part(stack, "rabbitmq"),
		"user-service":       part(stack, "user-service"),
		"mail-service":       part(stack, "mail-service"),
		"other-user-service": part("another-stack", "user-service"),
		"neighbour":          pod(namespace, map[string]string{"app": "shop"}),
		"stranger":           pod("another-namespace", map[string]string{"app": "shop"}),
		"operator":           pod(operatorNamespace, map[string]string{"app.kubernetes.io/name": "ping-operator"}),
		"ingress":            pod("ingress-nginx", map[string]string{"app": "nginx"}),
		"prometheus":         pod("monitoring", map[string]string{"app": "prometheus"}),
		"dns":                pod("kube-system", map[string]string{"k8s-app": "kube-dns"}),
		"internet":           {IP: "203.0.113.7"},
	}
}

func main() {
	namespace, stack, operatorNamespace, table := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	var list networkingv1.NetworkPolicyList
	must(json.NewDecoder(os.Stdin).Decode(&list))
	policies := make([]*networkingv1.NetworkPolicy, 0, len(list.Items))
	for i := range list.Items {
		policies = append(policies, &list.Items[i])
	}
	wrong, judged := judge(matcher.BuildNetworkPolicies(false, policies), peers(namespace, stack, operatorNamespace), table)
	fmt.Printf("%d policies, %d lines judged, %d wrong\n", len(policies), judged, wrong)
	if wrong > 0 || judged == 0 || len(policies) == 0 {
		os.Exit(1)
	}
}

func judge(policy *matcher.Policy, peers map[string]*matcher.TrafficPeer, table string) (wrong, judged int) {
	file, err := os.Open(table)
	must(err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		from, to := peers[fields[0]], peers[fields[1]]
		protocol := v1.ProtocolTCP
		number, isUDP := strings.CutSuffix(fields[2], "/udp")
		if isUDP {
			protocol = v1.ProtocolUDP
		}
		port, err := strconv.Atoi(number)
		must(err)
		traffic := &matcher.Traffic{Source: from, Destination: to, ResolvedPort: port, Protocol: protocol}
		judged++
		if policy.IsTrafficAllowed(traffic).IsAllowed() != (fields[3] == "yes") {
			fmt.Println("wrong:", line)
			wrong++
		}
	}
	return wrong, judged
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
