# A policy on plans, for Conftest or OPA:
#
#   reconciler plan --format json > plan.json
#   conftest test plan.json --policy docs/ci/policy.rego
package main

import rego.v1

# The number of all records of the manifests: a plan with --since reads only some of them.
records := max([input.scope.records, input.summary.managed])

# Records that lose their whole text, or some keys of it.
losing contains change.address if {
	some change in input.resource_changes
	change.action == "clear"
}

losing contains change.address if {
	some change in input.resource_changes
	some place in change.diff
	place.op == "remove"
}

deny contains message if {
	count(losing) > 100
	message := sprintf("%d records lose data; the policy allows 100", [count(losing)])
}

deny contains message if {
	changed := count(input.resource_changes)
	changed * 10 > records
	records >= 100
	message := sprintf("%d of %d records change; the policy allows a tenth", [changed, records])
}

losing contains change.address if {
	some change in input.resource_changes
	some place in change.diff
	place.op == "replace"
	place.value == null
}

# No phone numbers in annotations. The message names the record and the path, not the value.
deny contains message if {
	some change in input.resource_changes
	some place in change.diff
	# The value itself, and every text in it: a new mapping is one place.
	walk(place.value, [_, text])
	is_string(text)
	regex.match(`\+?[0-9]{9,15}`, text)
	message := sprintf("%s: %s looks like it holds a phone number", [change.address, place.path])
}

deny contains "the plan is not complete: some records could not be read" if {
	not input.complete
}
