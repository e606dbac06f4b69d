<?php
// The provider: signs assertions and responses, and names people by their e-mail address.

$email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

$metadata['urn:example:simplesamlphp'] = [
    'host' => '__DEFAULT__',
    'auth' => 'people',
    'privatekey' => 'provider.key',
    'certificate' => 'provider.pem',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'saml20.sign.assertion' => true,
    'saml20.sign.response' => true,
    'NameIDFormat' => $email,
    'authproc' => [10 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $email]],
];
