# Sourced by up, down, load and with-demo: the names of what `make up` makes.
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this

OPERATOR_NAMESPACE=ping-system
DEMO_NAMESPACE=ping
DEMO=demo
# There while what `make up` made is there: the way to its cluster, and whether that was made by it or found.
UP=$BUILD/k8s/up

# choose_way_of_up: the cluster that `make up` used, unless CLUSTER names one.
choose_way_of_up() {
    [[ ${CLUSTER:-} || ! -e $UP ]] || read -r CLUSTER _ <"$UP"
    choose_way
}
