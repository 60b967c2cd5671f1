ALTER TABLE public.tenants
    ADD COLUMN version text,
    DROP CONSTRAINT tenants_status_check,
    ADD CONSTRAINT tenants_status_check
        CHECK (status IN ('pending', 'provisioning', 'active', 'suspended', 'maintenance', 'archived', 'dropping'))
