DROP TRIGGER tenants_changed ON public.tenants;
DROP TRIGGER tenants_truncated ON public.tenants;
DROP TRIGGER domains_changed ON public.domains;
DROP TRIGGER domains_truncated ON public.domains;
DROP FUNCTION public.tenant_catalog_changed();
