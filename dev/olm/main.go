// Checks a bundle for the Operator Lifecycle Manager as `operator-sdk bundle validate` does, by the same library.
//
//	olm FOLDER    the folder with manifests and metadata
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	validations "github.com/operator-framework/api/pkg/validation/interfaces"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: olm FOLDER")
	}
	bundle, err := manifests.GetBundleFromDir(filepath.Join(os.Args[1], "manifests"))
	if err != nil {
		fail("the bundle cannot be read: %v", err)
	}
	validators := validations.Validators{
		validation.DefaultBundleValidators,
		validation.OperatorHubV2Validator,
		validation.StandardCapabilitiesValidator,
		validation.StandardCategoriesValidator,
		validation.GoodPracticesValidator,
	}
	errors := 0
	for _, result := range validators.Validate(bundle) {
		for _, warning := range result.Warnings {
			fmt.Println("warning:", warning.Detail)
		}
		for _, problem := range result.Errors {
			errors++
			fmt.Println("error:", problem.Detail)
		}
	}
	if bundle.CSV == nil || len(bundle.V1CRDs) != 1 {
		fail("the bundle has no ClusterServiceVersion, or not one CustomResourceDefinition")
	}
	if errors > 0 {
		fail("%d errors", errors)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}
