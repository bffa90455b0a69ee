# Sourced by up, down, load and with-demo: the names of what `make up` makes.
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this

OPERATOR_NAMESPACE=ping-system
DEMO_NAMESPACE=ping
DEMO=demo
UP=$BUILD/k8s/up # there while what `make up` made is there; says whether the cluster is to go with it
