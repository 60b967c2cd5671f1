ALTER TABLE public.tenants
    DROP COLUMN version,
    DROP CONSTRAINT tenants_status_check,
    ADD CONSTRAINT tenants_status_check CHECK (status IN ('provisioning', 'active', 'suspended', 'maintenance'))
