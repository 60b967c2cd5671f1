CREATE OR REPLACE FUNCTION public.tenant_catalog_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_catalog.pg_notify('tenant_catalog', '');
    ELSIF TG_TABLE_NAME = 'tenants' THEN
        PERFORM pg_catalog.pg_notify('tenant_catalog', COALESCE(NEW.id, OLD.id)::pg_catalog.text);
    ELSE
        IF TG_OP <> 'INSERT' THEN
            PERFORM pg_catalog.pg_notify('tenant_catalog', pg_catalog.concat(OLD.tenant_id, ' ', OLD.domain));
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM pg_catalog.pg_notify('tenant_catalog', pg_catalog.concat(NEW.tenant_id, ' ', NEW.domain));
        END IF;
    END IF;
    RETURN NULL;
END $$;
-- Not of "version": a run of migrations records it for each tenant, and commits with a notification wait for each other.
CREATE TRIGGER tenants_changed
    AFTER INSERT OR DELETE OR UPDATE OF id, schema_name, name, kind, status, metadata ON public.tenants
    FOR EACH ROW EXECUTE FUNCTION public.tenant_catalog_changed();
CREATE TRIGGER tenants_truncated AFTER TRUNCATE ON public.tenants
    FOR EACH STATEMENT EXECUTE FUNCTION public.tenant_catalog_changed();
CREATE TRIGGER domains_changed AFTER INSERT OR UPDATE OR DELETE ON public.domains
    FOR EACH ROW EXECUTE FUNCTION public.tenant_catalog_changed();
CREATE TRIGGER domains_truncated AFTER TRUNCATE ON public.domains
    FOR EACH STATEMENT EXECUTE FUNCTION public.tenant_catalog_changed();
