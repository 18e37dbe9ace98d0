# Packaging and deploying; the Makefile includes this.
STAGE ?= dev

.PHONY: package
package: .venv/ready ## what the functions run, into build/package: STAGE=dev or prod
	@$(BIN)/python -m tools.package --stage $(STAGE)

.PHONY: deploy
deploy: package ## to your AWS account, through a bucket of yours: BUCKET=… STAGE=…
	@test -n "$(BUCKET)" || { echo "BUCKET=… says which of your buckets the package goes through"; exit 2; }
	@$(BIN)/python -m tools.deploy --stage $(STAGE) --bucket "$(BUCKET)" \
		$(if $(PUBLIC_URL),--public-url "$(PUBLIC_URL)") $(if $(ALARM_EMAIL),--alarm-email "$(ALARM_EMAIL)") \
		$(if $(MAIL_FROM),--mail-from "$(MAIL_FROM)")
