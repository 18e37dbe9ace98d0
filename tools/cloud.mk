# Packaging and deploying; the Makefile includes this.
STAGE ?= dev
PYTHON ?= .venv/bin/python

.PHONY: package deploy

package: ## what the functions run, in build/package (STAGE=dev or prod)
	@$(PYTHON) -m tools.package --stage $(STAGE)

deploy: package ## to your AWS account: BUCKET=… [STAGE=prod] [PUBLIC_URL=https://…] [ALARM_EMAIL=…]
	@test -n "$(BUCKET)" || { echo "BUCKET=… says which of your buckets the package goes through"; exit 2; }
	@$(PYTHON) -m tools.deploy --stage $(STAGE) --bucket $(BUCKET) \
		$(if $(PUBLIC_URL),--public-url $(PUBLIC_URL)) $(if $(ALARM_EMAIL),--alarm-email $(ALARM_EMAIL))
