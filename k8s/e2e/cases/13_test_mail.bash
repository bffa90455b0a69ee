# Why no mail comes: the operator has one sent and says how the mail server took it.
# shellcheck shell=bash

mails_to() { mailpit "search?query=to:$1" | jq '.messages | length'; }
test_mail_jobs() { kubectl get jobs --selector pingstack.dev/stack=demo --output name; }
is_marked_as_sent() { # ADDRESS
    local id password
    id=$(mailpit "search?query=to:$1" | jq -r '.messages[0].MessageID' | cut -d@ -f1)
    password=$(kubectl get secret demo-redis --output 'jsonpath={.data.mail-service-password}' | base64 -d)
    [[ $(kubectl exec demo-redis-0 -- env REDISCLI_AUTH="$password" redis-cli --user mail-service exists "mail:sent:$id") == 1 ]]
}

a_test_mail_is_sent_once_and_its_answer_is_told() { # case
    start_neighbours
    apply_stack demo '.spec.smtp.testRecipient = "ada@example.org"'
    wait_reason demo TestMailSent Delivered 240s
    [[ $(mails_to ada@example.org) == 1 ]]
    fails has_line 'ada@example.org' kubectl get pingstack demo --output 'jsonpath={.status}'
    wait_ready demo
    # Other settings than the mail server's send nothing.
    patch_stack demo '{"spec":{"mailService":{"concurrency":8}}}'
    wait_ready demo
    # Another recipient is another mail, and the Job before is gone.
    patch_stack demo '{"spec":{"smtp":{"testRecipient":"bob@example.org"}}}'
    eventually 120 "a mail to bob" has_line '^1$' mails_to bob@example.org
    eventually 60 "one Job" has_line '^1$' eval 'test_mail_jobs | wc -l'
    wait_reason demo TestMailSent Delivered
    [[ $(mails_to ada@example.org) == 1 ]]
    # A sign-in's mail is marked in Redis, so that a redelivery is not mailed again.
    sign_in demo cy@example.org
    eventually 30 "the mark of the mail" is_marked_as_sent cy@example.org
    # A mail server that is not there: the stack goes on, and the condition says what to look at.
    patch_stack demo '{"spec":{"smtp":{"port":1}}}'
    wait_reason demo TestMailSent Unreachable
    message_of demo TestMailSent | grep 'mailpit:1'
    patch_stack demo '{"spec":{"smtp":{"port":1025,"testRecipient":null}}}'
    eventually 60 "no Job" eval '[[ ! $(test_mail_jobs) ]]'
    eventually 60 "no condition" eval '[[ ! $(message_of demo TestMailSent) ]]'
}
